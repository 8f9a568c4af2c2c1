/*
** frame.c -- the memory of a page cache, and look-ups in it.
**
** Addresses are reserved once, for the most that a cache may ever have, so that nothing ever moves
** and a look-up needs to know nothing of growing and shrinking.  What is not in use yet costs no
** memory, and no promise of any: it cannot be touched.  What was in use stays readable for ever,
** since a look-up may be in the middle of it; given back, it is zeros without memory behind them.
*/
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "frame_lookup.h"
#include "headwater.h"

/* SQLite thread.  1 when pOut holds the page as of seq, 0 when no frame does. */
int hwFrameRead(HwCacheMemory *pMemory, u32 pgno, u64 seq, u32 pageSize, u8 *pOut){
  return hwFrameLookUp(pMemory->p, pgno, seq, pageSize, pOut);
}

/* Engine thread.  Addresses for nMax bytes, or for as many as there are, down to nMin.  NULL when
** there are not even those. */
HwCacheMemory *hwCacheMemoryNew(size_t nMin, size_t nMax){
  HwCacheMemory *pMemory = calloc(1, sizeof(*pMemory));
  size_t n = nMax<nMin ? nMin : nMax;
  if( pMemory==NULL ) return NULL;
  for(;;){
    pMemory->p = mmap(NULL, n, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);
    if( pMemory->p!=MAP_FAILED ) break;
    if( n==nMin ){
      free(pMemory);
      return NULL;
    }
    n = n/2<nMin ? nMin : n/2;
  }
  pMemory->n = n;
  atomic_init(&pMemory->refs, 1);
  return pMemory;
}

/* Engine thread.  The bytes from iFrom to iEnd, zeros, can be used from now on.  0 when there is
** no memory for them. */
int hwCacheMemoryExtend(HwCacheMemory *pMemory, size_t iFrom, size_t iEnd){
  size_t nUnit = (size_t)sysconf(_SC_PAGESIZE);
  iFrom -= iFrom%nUnit;
  return mprotect(pMemory->p+iFrom, iEnd-iFrom, PROT_READ|PROT_WRITE)==0;
}

/* Engine thread.  The memory of the bytes from iFrom to iEnd goes back to the system. */
void hwCacheMemoryRelease(HwCacheMemory *pMemory, size_t iFrom, size_t iEnd){
  size_t nUnit = (size_t)sysconf(_SC_PAGESIZE);
  iFrom = (iFrom+nUnit-1)/nUnit*nUnit;
  iEnd -= iEnd%nUnit;
  if( iFrom>=iEnd ) return;
#ifdef __APPLE__
  madvise(pMemory->p+iFrom, iEnd-iFrom, MADV_FREE);
#else
  madvise(pMemory->p+iFrom, iEnd-iFrom, MADV_DONTNEED);
#endif
}

/* Any thread. */
void hwCacheMemoryUnref(HwCacheMemory *pMemory){
  if( pMemory!=NULL && atomic_fetch_sub(&pMemory->refs, 1)==1 ){
    munmap(pMemory->p, pMemory->n);
    free(pMemory);
  }
}
