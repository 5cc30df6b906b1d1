/* There is no processor of one kind to ask: programs take the branch that needs no extension. */
#ifndef _CPUID_H
#define _CPUID_H

#define __cpuid(leaf, a, b, c, d) ((a) = (b) = (c) = (d) = 0)
#define __cpuid_count(leaf, count, a, b, c, d) ((a) = (b) = (c) = (d) = 0)

static __inline unsigned __get_cpuid_max(unsigned __leaf, unsigned *__signature)
{
	(void)__leaf;
	if (__signature) *__signature = 0;
	return 0;
}

static __inline int __get_cpuid(unsigned __leaf, unsigned *__a, unsigned *__b, unsigned *__c, unsigned *__d)
{
	(void)__leaf, (void)__a, (void)__b, (void)__c, (void)__d;
	return 0;
}

static __inline int __get_cpuid_count(unsigned __leaf, unsigned __count, unsigned *__a, unsigned *__b, unsigned *__c, unsigned *__d)
{
	(void)__count;
	return __get_cpuid(__leaf, __a, __b, __c, __d);
}

#endif
