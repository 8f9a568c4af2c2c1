/*
** frame.c -- look-ups in the page cache, from any SQLite thread, without a lock.
**
** The engine alone writes frames (page-cache package, which defines the layout); each frame has a
** version that is odd while it changes.  A reader walks the chain of its bucket, copies the page,
** and keeps the copy only if the version is what it was before: an eviction in between can cost a
** miss, never a torn page.  A chain that changes under the walk may lead elsewhere; the walk is
** bounded and a miss is always right.
*/
#include <stdlib.h>
#include <sys/mman.h>
#include "headwater.h"

enum {
  HEADER_PAGE_SIZE = 2,
  HEADER_BUCKET_COUNT = 4,
  HEADER_BUCKETS = 5,
  HEADER_FRAMES = 6,
  HEADER_PAGES = 7
};

enum {
  FRAME_VERSION = 0,
  FRAME_PGNO = 1,
  FRAME_FROM_LO = 2,
  FRAME_FROM_HI = 3,
  FRAME_TO_LO = 4,
  FRAME_TO_HI = 5,
  FRAME_NEXT = 6,
  FRAME_VISITED = 7,
  FRAME_WORDS = 8
};

typedef _Atomic u32 Word;

static inline u32 load(const Word *p){
  return atomic_load_explicit(p, memory_order_relaxed);
}

static inline u64 loadPair(const Word *p){
  return (u64)load(p) | (u64)load(p+1)<<32;
}

/* SQLite thread.  1 when pOut holds the page as of seq, 0 when no frame does. */
int hwFrameRead(HwCacheMemory *pMemory, u32 pgno, u64 seq, u32 pageSize, u8 *pOut){
  const u32 *aHeader = (const u32*)pMemory->p;
  u32 nBucket = aHeader[HEADER_BUCKET_COUNT];
  u32 iBucket = (pgno*0x9E3779B1u) >> (32 - __builtin_ctz(nBucket));
  Word *aBucket = (Word*)(pMemory->p + aHeader[HEADER_BUCKETS]);
  Word *aFrame = (Word*)(pMemory->p + aHeader[HEADER_FRAMES]);
  u32 iFrame = atomic_load_explicit(&aBucket[iBucket], memory_order_acquire);
  int nStep;
  if( aHeader[HEADER_PAGE_SIZE]!=pageSize ) return 0;
  for(nStep=0; iFrame!=0 && nStep<HW_CHAIN_MAX; nStep++){
    Word *a = aFrame + (size_t)(iFrame-1)*FRAME_WORDS;
    u32 version = atomic_load_explicit(&a[FRAME_VERSION], memory_order_acquire);
    if( (version & 1)==0
     && load(&a[FRAME_PGNO])==pgno
     && loadPair(&a[FRAME_FROM_LO])<=seq
     && seq<loadPair(&a[FRAME_TO_LO])
    ){
      memcpy(pOut, pMemory->p + aHeader[HEADER_PAGES] + (size_t)(iFrame-1)*pageSize, pageSize);
      atomic_thread_fence(memory_order_acquire);
      if( load(&a[FRAME_VERSION])==version ){
        if( !load(&a[FRAME_VISITED]) ){
          atomic_store_explicit(&a[FRAME_VISITED], 1, memory_order_relaxed);
        }
        return 1;
      }
    }
    iFrame = load(&a[FRAME_NEXT]);
  }
  return 0;
}

/* Engine thread.  NULL when there is no memory. */
HwCacheMemory *hwCacheMemoryNew(size_t n){
  HwCacheMemory *pMemory = calloc(1, sizeof(*pMemory));
  if( pMemory==NULL ) return NULL;
  pMemory->p = mmap(NULL, n, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);
  if( pMemory->p==MAP_FAILED ){
    free(pMemory);
    return NULL;
  }
  pMemory->n = n;
  atomic_init(&pMemory->refs, 1);
  return pMemory;
}

/* Any thread. */
void hwCacheMemoryUnref(HwCacheMemory *pMemory){
  if( pMemory!=NULL && atomic_fetch_sub(&pMemory->refs, 1)==1 ){
    munmap(pMemory->p, pMemory->n);
    free(pMemory);
  }
}
