/** Huge pages for what Node reads its snapshot into, which native/handover.c asks glibc for: it is nobody's who is started from here, in a zone or not. */
const asked = 'glibc.malloc.hugetlb=1:glibc.malloc.hugetlb=1';

export function forgetHugePages(env: Record<string, string | undefined> = process.env): void {
  if (env.GLIBC_TUNABLES === asked) delete env.GLIBC_TUNABLES;
}
