/* Dense linear algebra with GSL: LU, QR, Cholesky, singular values, and the eigenvalues of symmetric, Hermitian and
 * other matrices. What is printed has as many digits as rounding leaves alone.
 */
#include <math.h>
#include <stdio.h>

#include <gsl/gsl_blas.h>
#include <gsl/gsl_complex_math.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort_vector.h>

static gsl_rng *source;

static gsl_matrix *some(int n, int m)
{
	gsl_matrix *a = gsl_matrix_alloc(n, m);

	for (int i = 0; i < n; i++)
		for (int j = 0; j < m; j++) gsl_matrix_set(a, i, j, gsl_rng_uniform(source) - 0.5 + 2 * (i == j));
	return a;
}

static void show(const char *name, const gsl_vector *v)
{
	printf("%-10s norm %.8e, sum %.8e, last %.8e\n", name, gsl_blas_dnrm2(v), gsl_blas_dasum(v), gsl_vector_get(v, v->size - 1));
}

/* Ax = b in three ways. */
static void solve(int n)
{
	gsl_matrix *a = some(n, n), *lu = gsl_matrix_alloc(n, n), *square = gsl_matrix_alloc(n, n);
	gsl_vector *x = gsl_vector_alloc(n), *b = gsl_vector_alloc(n), *tau = gsl_vector_alloc(n);
	gsl_permutation *p = gsl_permutation_alloc(n);
	int sign;

	for (int i = 0; i < n; i++) gsl_vector_set(b, i, gsl_rng_uniform(source));
	gsl_matrix_memcpy(lu, a);
	gsl_linalg_LU_decomp(lu, p, &sign);
	gsl_linalg_LU_solve(lu, p, b, x);
	show("LU", x);
	printf("%-10s log |det| %.8e, sign %d\n", "", gsl_linalg_LU_lndet(lu), gsl_linalg_LU_sgndet(lu, sign));

	gsl_matrix_memcpy(lu, a);
	gsl_linalg_QR_decomp(lu, tau);
	gsl_linalg_QR_solve(lu, tau, b, x);
	show("QR", x);

	gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, a, a, 0, square);
	gsl_linalg_cholesky_decomp1(square);
	gsl_linalg_cholesky_solve(square, b, x);
	show("Cholesky", x);
	gsl_matrix_free(a), gsl_matrix_free(lu), gsl_matrix_free(square);
	gsl_vector_free(x), gsl_vector_free(b), gsl_vector_free(tau);
	gsl_permutation_free(p);
}

static void singular_values(int n, int m)
{
	gsl_matrix *a = some(n, m), *v = gsl_matrix_alloc(m, m);
	gsl_vector *s = gsl_vector_alloc(m), *work = gsl_vector_alloc(m);

	gsl_linalg_SV_decomp(a, v, s, work);
	show("SVD", s);
	gsl_matrix_free(a), gsl_matrix_free(v);
	gsl_vector_free(s), gsl_vector_free(work);
}

static void symmetric(int n)
{
	gsl_matrix *a = some(n, n), *v = gsl_matrix_alloc(n, n), *s = gsl_matrix_alloc(n, n);
	gsl_vector *values = gsl_vector_alloc(n);
	gsl_eigen_symmv_workspace *w = gsl_eigen_symmv_alloc(n);

	gsl_matrix_transpose_memcpy(s, a);
	gsl_matrix_add(s, a);
	gsl_eigen_symmv(s, values, v, w);
	gsl_eigen_symmv_sort(values, v, GSL_EIGEN_SORT_VAL_ASC);
	show("symmetric", values);
	gsl_matrix_free(a), gsl_matrix_free(v), gsl_matrix_free(s);
	gsl_vector_free(values);
	gsl_eigen_symmv_free(w);
}

static void hermitian(int n)
{
	gsl_matrix_complex *a = gsl_matrix_complex_alloc(n, n);
	gsl_vector *values = gsl_vector_alloc(n);
	gsl_eigen_herm_workspace *w = gsl_eigen_herm_alloc(n);

	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++) {
			double real = gsl_rng_uniform(source), imaginary = i == j ? 0 : gsl_rng_uniform(source);
			gsl_complex z = gsl_complex_rect(real, imaginary);

			gsl_matrix_complex_set(a, i, j, z);
			gsl_matrix_complex_set(a, j, i, gsl_complex_rect(GSL_REAL(z), -GSL_IMAG(z)));
		}
	gsl_eigen_herm(a, values, w);
	gsl_sort_vector(values);
	show("Hermitian", values);
	gsl_matrix_complex_free(a);
	gsl_vector_free(values);
	gsl_eigen_herm_free(w);
}

static void other(int n)
{
	gsl_matrix *a = some(n, n);
	gsl_vector_complex *values = gsl_vector_complex_alloc(n);
	gsl_vector *sizes = gsl_vector_alloc(n);
	gsl_eigen_nonsymm_workspace *w = gsl_eigen_nonsymm_alloc(n);

	gsl_eigen_nonsymm(a, values, w);
	for (int i = 0; i < n; i++) {
		gsl_complex z = gsl_vector_complex_get(values, i);

		gsl_vector_set(sizes, i, hypot(GSL_REAL(z), GSL_IMAG(z)));
	}
	gsl_sort_vector(sizes);
	show("other", sizes);
	gsl_matrix_free(a);
	gsl_vector_complex_free(values);
	gsl_vector_free(sizes);
	gsl_eigen_nonsymm_free(w);
}

int main(void)
{
	source = gsl_rng_alloc(gsl_rng_mt19937);
	for (int n = 20; n <= 80; n += 20) {
		printf("%d\n", n);
		solve(n);
		singular_values(n + 10, n);
		symmetric(n);
		hermitian(n);
		other(n);
	}
	gsl_rng_free(source);
	return 0;
}
