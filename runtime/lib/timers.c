/* POSIX timers. The kernel keeps them for a process until it execs, and numbers them as it likes: the program knows them
 * by their places in a table here, which goes into images.
 *
 * What is carried of an armed timer is the first time it goes off that the program has not noticed. Where that is past,
 * the timer made again goes off at once, and the kernel counts what was missed since, and keeps its beat.
 * So nothing is lost between the question and the exec. What they had sent before, and the program had blocked, is
 * taken off the queue and forgotten; so is what they send until they are stopped, for an exec that leaves it pending
 * would have it taken for what another ISA's executable calls by that number. */
#include "timers.h"

enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD_ID = 4 };
enum { SIGALRM = 14, SI_TIMER = -2, SI_TKILL = -6, TIMER_ABSTIME = 1, THREAD_CPUTIME = 3, SIGNALS = 64 };
enum { FOREIGN = 32, EMULATED = 32 /* as many as qemu keeps */, MOST = 1 << 20 };

struct timer {
	struct popcorn_posix_timer note; /* its times as of the last look */
	int used;
	int kernel;    /* its number here, -1: it could not be made again */
	int taken;     /* its signal was taken off the queue */
	int64_t until; /* when it goes off first here, 0: when it is armed again; then note.overrun is outdated */
};

struct event { uint64_t value; int32_t signo, notify, tid, unused[11]; };
struct info { int32_t signo, error, code, unused, timer, overrun; uint64_t value, more[12]; };
_Static_assert(sizeof(struct event) == 64 && sizeof(struct info) == 128, "sigevent, siginfo");

struct popcorn_lock popcorn_timers_lock;

static struct timer *timers;
static size_t ntimers, capacity; /* entries, bytes */
static uint64_t sent; /* signals that some timer sends or, deleted since, may have left pending */

void popcorn_timers_after_fork(void)
{
	for (size_t i = 0; i < ntimers; i++) timers[i].used = 0;
}

static struct timer *entry(size_t id)
{
	void *p = timers;

	if (id >= MOST || popcorn_reserve(&p, &capacity, (id + 1) * sizeof *timers)) return 0;
	timers = p;
	for (; ntimers <= id; ntimers++) timers[ntimers].used = 0;
	popcorn_clear(timers + id, sizeof *timers);
	timers[id].used = 1;
	timers[id].note.id = (uint32_t)id;
	timers[id].kernel = -1;
	return timers + id;
}

static int signals(const struct timer *t)
{
	return t->used && t->kernel >= 0 && t->note.notify != SIGEV_NONE && t->note.signo - 1 < SIGNALS;
}

static uint64_t bit(const struct timer *t)
{
	return 1ull << (t->note.signo - 1);
}

/* A free number, from now on in use; -1: no memory. */
static int reserve_number(void)
{
	size_t id = 0;

	popcorn_lock(&popcorn_timers_lock);
	while (id < ntimers && timers[id].used) id++;
	if (!entry(id)) id = (size_t)-1;
	popcorn_unlock(&popcorn_timers_lock);
	return (int)id;
}

long popcorn_do_timer_create(struct popcorn_call *c)
{
	struct event event = { 0 };
	int id = reserve_number(), kernel, tid = 0, *result = (int *)c->a[2];
	long r;

	if (id < 0) return -K_EAGAIN;
	if (c->a[1]) popcorn_copy(&event, (const void *)c->a[1], sizeof event);
	else event.value = (uint32_t)id, event.signo = SIGALRM;
	if (event.notify == SIGEV_THREAD_ID) {
		tid = event.tid;
		event.tid = (int32_t)popcorn_tid_to_kernel(tid);
	}
	c->a[1] = (long)&event;
	c->a[2] = (long)&kernel;
	r = popcorn_issue(c);
	popcorn_lock(&popcorn_timers_lock);
	if (r) {
		timers[id].used = 0;
	} else {
		struct popcorn_posix_timer *n = &timers[id].note;
		timers[id].kernel = kernel;
		n->clock = (int32_t)c->a[0];
		n->signo = (uint32_t)event.signo;
		n->notify = (uint32_t)event.notify;
		n->value = event.value;
		n->tid = (uint32_t)tid;
		n->owner = n->clock == THREAD_CPUTIME ? (uint32_t)c->thread->tid : 0;
		if (signals(timers + id)) sent |= bit(timers + id);
		*result = id;
	}
	popcorn_unlock(&popcorn_timers_lock);
	return r;
}

/* The timer of a number, lock held. */
static struct timer *known(long id)
{
	return (unsigned long)id < ntimers && timers[id].used ? timers + id : 0;
}

static int kernel_number(long id)
{
	const struct timer *t;
	int n;

	popcorn_lock(&popcorn_timers_lock);
	t = known(id);
	n = t ? t->kernel : -1;
	popcorn_unlock(&popcorn_timers_lock);
	return n;
}

static long issue(struct popcorn_call *c)
{
	int kernel = kernel_number((int)c->a[0]);

	if (kernel < 0) return -K_EINVAL;
	c->a[0] = kernel;
	return popcorn_issue(c);
}

long popcorn_do_timer_gettime(struct popcorn_call *c)
{
	return issue(c);
}

long popcorn_do_timer_settime(struct popcorn_call *c)
{
	int id = (int)c->a[0];
	long r = issue(c);
	struct timer *t;

	popcorn_lock(&popcorn_timers_lock);
	if (!r && (t = known(id))) {
		t->note.absolute = c->a[1] & TIMER_ABSTIME;
		t->note.overrun = 0;
	}
	popcorn_unlock(&popcorn_timers_lock);
	return r;
}

static int64_t clock_of(const struct timer *t)
{
	return (int64_t)popcorn_clock(t->note.clock);
}

/* It has gone off since it was made here, and the program has been told. */
static int told(const struct timer *t)
{
	uint64_t pending = 0;

	K2(K_rt_sigpending, &pending, 8);
	return t->until && clock_of(t) >= t->until && !t->taken && !(signals(t) && pending & bit(t));
}

/* As the kernel counts it here, or as it was before a move until the program is told again. */
static long overrun(const struct timer *t, long here)
{
	return here || !t->note.overrun || told(t) ? here : (long)t->note.overrun;
}

long popcorn_do_timer_getoverrun(struct popcorn_call *c)
{
	int id = (int)c->a[0];
	long r = issue(c);
	const struct timer *t;

	popcorn_lock(&popcorn_timers_lock);
	if (!r && (t = known(id))) r = overrun(t, r);
	popcorn_unlock(&popcorn_timers_lock);
	return r;
}

long popcorn_do_timer_delete(struct popcorn_call *c)
{
	int id = (int)c->a[0];
	long r = issue(c);
	struct timer *t;

	popcorn_lock(&popcorn_timers_lock);
	if ((t = known(id)) && (!r || t->kernel < 0)) {
		t->used = 0;
		r = 0;
	}
	popcorn_unlock(&popcorn_timers_lock);
	return r;
}

static void look(struct timer *t)
{
	struct popcorn_posix_timer *n = &t->note;
	uint64_t v[4] = { 0 }; /* interval, value: seconds and nanoseconds */

	n->overrun = (uint32_t)overrun(t, K1(K_timer_getoverrun, t->kernel)); /* before a signal is taken off */
	n->now = clock_of(t);
	if (K2(K_timer_gettime, t->kernel, v)) return;
	n->interval = v[0] * 1000000000 + v[1];
	n->at = v[2] | v[3] ? n->now + (int64_t)(v[2] * 1000000000 + v[3]) : 0;
}

/* Its signal had been sent: `missed` times it went off since without another. It may have been sent behind the look. */
static void take(struct timer *t, int64_t missed)
{
	struct popcorn_posix_timer *n = &t->note;
	int64_t now = clock_of(t), interval = (int64_t)n->interval;

	t->taken = 1;
	if (!interval) n->at = now;
	else n->at -= (1 + missed - (now >= n->at ? 1 + (now - n->at) / interval : 0)) * interval;
	if (n->at < 1) n->at = 1;
}

/* Which timer sent a signal: those that it fits are the same to the program. */
static struct timer *sender(const struct info *i, const struct popcorn_thread *self)
{
	struct timer *found = 0;

	if (i->code != SI_TIMER) return 0;
	for (struct timer *t = timers; t < timers + ntimers; t++)
		if (signals(t) && (int32_t)t->note.signo == i->signo && t->note.value == i->value
		    && (!t->note.tid || (int)t->note.tid == self->tid) && (!found || found->taken))
			found = t;
	return found;
}

static void send_again(const struct info *i, const struct popcorn_thread *t)
{
	long pid = K0(K_getpid);

	if (i->code == SI_TKILL) K4(K_rt_tgsigqueueinfo, pid, t->ktid, i->signo, i);
	else K3(K_rt_sigqueueinfo, pid, i->signo, i);
}

/* Takes what timers have sent off the thread's queue; returns which other signals of these numbers wait there. */
static uint64_t drain(const struct popcorn_thread *self, uint64_t set)
{
	static struct info foreign[FOREIGN];
	struct k_timespec none = { 0, 0 };
	uint64_t others = 0;
	int n = 0;

	while (n < FOREIGN && K4(K_rt_sigtimedwait, &set, foreign + n, &none, 8) > 0) {
		struct timer *t = sender(foreign + n, self);
		if (!t) others |= 1ull << (foreign[n++].signo - 1);
		else if (!t->taken) take(t, foreign[n].overrun);
	}
	while (n) send_again(foreign + --n, self);
	return others;
}

/* Another thread, which has stopped, has looked at what is sent to it alone. */
static int looked_at(const struct timer *t, const struct popcorn_thread *self)
{
	int yes = 0;

	if (!t->note.tid || (int)t->note.tid == self->tid) return 0;
	popcorn_lock_threads();
	for (const struct popcorn_thread *o = popcorn_threads; o; o = o->next)
		if (o->tid == (int)t->note.tid) yes = o->settled;
	popcorn_unlock_threads();
	return yes;
}

void popcorn_timers_stop(struct popcorn_thread *self)
{
	if (!ntimers) return; /* most programs have none */
	popcorn_lock(&popcorn_timers_lock);
	for (struct timer *t = timers; t < timers + ntimers; t++)
		if (t->used && t->kernel >= 0 && !t->taken && !looked_at(t, self)) look(t);
	/* behind the look: what is sent from now on goes off again */
	if (sent) self->pending = (self->pending & ~sent) | drain(self, sent);
	popcorn_unlock(&popcorn_timers_lock);
}

static long arm(const struct timer *t, int flags, int64_t at)
{
	uint64_t i = t->note.interval;
	uint64_t v[4] = { i / 1000000000, i % 1000000000, (uint64_t)at / 1000000000, (uint64_t)at % 1000000000 };

	return K4(K_timer_settime, t->kernel, flags, v, 0);
}

/* As noted; a thread's own clock may have been read by another thread. */
static void arm_again(const struct timer *t)
{
	int64_t left = t->note.at - t->note.now;

	if (t->note.clock == THREAD_CPUTIME) arm(t, 0, left < 1 ? 1 : left);
	else arm(t, TIMER_ABSTIME, t->note.at);
}

void popcorn_timers_go_on(void)
{
	if (!ntimers) return;
	popcorn_lock(&popcorn_timers_lock);
	for (struct timer *t = timers; t < timers + ntimers; t++) {
		if (t->used && t->taken && t->note.at) arm_again(t);
		if (!t->taken) t->note.overrun = 0; /* the kernel still has it */
		else t->until = t->note.at;
		t->taken = 0;
	}
	popcorn_unlock(&popcorn_timers_lock);
}

/* For a move: they go on as noted, there or, if it fails, here. */
static void stop_all(void)
{
	uint64_t never[4] = { 0 };

	for (struct timer *t = timers; t < timers + ntimers; t++) {
		if (!t->used || t->kernel < 0) continue;
		K4(K_timer_settime, t->kernel, 0, never, 0);
		t->taken = 1;
		t->until = t->note.at;
	}
	if (sent) drain(popcorn_self(), sent);
}

int popcorn_timers_write(struct popcorn_buffer *notes, uint32_t flags, struct popcorn_text *error)
{
	size_t n = 0;

	for (struct timer *t = timers; t < timers + ntimers; t++) {
		struct popcorn_posix_timer note = t->note;
		if (!t->used) continue;
		n++;
		if (note.clock < 0 && !(flags & POPCORN_IMAGE_NOTES_ONLY)) {
			popcorn_text_set(error, "a timer of another thread's or process's processor time can't follow");
			return -1;
		}
		if (popcorn_note(notes, POPCORN_NOTE_POSIX_TIMER, &note, sizeof note, 0, 0)) return -1;
	}
	if (n > EMULATED && flags & POPCORN_IMAGE_MOVE) {
		popcorn_text_set(error, "more than %u timers made by timer_create can't follow: emulators have no more", (long)EMULATED);
		return -1;
	}
	if (flags & POPCORN_IMAGE_MOVE) stop_all();
	return 0;
}

int popcorn_timers_note(const struct popcorn_posix_timer *n)
{
	struct timer *t = entry(n->id);

	if (!t) return -1;
	t->note = *n;
	if (n->notify != SIGEV_NONE && n->signo - 1 < SIGNALS) sent |= bit(t);
	return 0;
}

static const struct popcorn_thread *listed(uint32_t tid)
{
	const struct popcorn_thread *t = popcorn_threads;

	while (t && t->tid != (int)tid) t = t->next;
	return t;
}

static void make(struct timer *t, int moved)
{
	struct popcorn_posix_timer *n = &t->note;
	const struct popcorn_thread *target = n->tid ? listed(n->tid) : 0;
	struct event event = { n->value, (int32_t)n->signo, (int32_t)n->notify, target ? target->ktid : 0, { 0 } };
	int relative = n->clock == THREAD_CPUTIME || (!moved && !n->absolute);
	int64_t at = n->at - (relative ? n->now : 0);
	long e;

	if (n->tid && !target) event.notify = SIGEV_NONE; /* to a thread that has ended */
	if ((e = K3(K_timer_create, n->clock, &event, &t->kernel)) < 0) popcorn_die("can't make timer %d again: error %d", (int)n->id, (int)-e);
	if (n->at) {
		if (relative) at += clock_of(t);
		t->until = at < 1 ? 1 : at;
		arm(t, TIMER_ABSTIME, t->until);
	}
}

/* Those that count a thread's processor time are its own to make; nobody's, if it has ended. */
void popcorn_timers_make(const struct popcorn_thread *self, int moved)
{
	uint32_t owner = self ? (uint32_t)self->tid : 0;

	popcorn_lock(&popcorn_timers_lock);
	for (struct timer *t = timers; t < timers + ntimers; t++)
		if (t->used && t->note.owner == owner) make(t, moved);
	popcorn_unlock(&popcorn_timers_lock);
}
