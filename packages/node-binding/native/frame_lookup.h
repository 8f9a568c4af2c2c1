/*
** frame_lookup.h -- finding a page in the frames of a page cache, without a lock.
**
** The engine alone writes frames (page-cache package, which defines the layout); each frame has a
** version that is odd while it changes.  A reader walks the chain of its bucket, copies the page,
** and keeps the copy only if the version is what it was before: an eviction in between can cost a
** miss, never a torn page.  A chain that changes under the walk may lead elsewhere; the walk is
** bounded and a miss is always right.  The cache may grow and shrink meanwhile: records and pages
** stay where they are, and what is behind the end of a smaller cache can still be looked at.
**
** It needs neither SQLite nor Node, so that it can be compiled alone and run under a thread
** sanitizer (test/native/frame_stress.c).
*/
#ifndef HEADWATER_FRAME_LOOKUP_H
#define HEADWATER_FRAME_LOOKUP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HW_CHAIN_MAX 64              /* frames looked at: a changing chain may be a circle */

/* Words of the header.  All but the number of buckets stay as they are. */
enum {
  HW_HEADER_PAGE_SIZE = 2,
  HW_HEADER_BUCKET_COUNT = 4,
  HW_HEADER_BUCKETS = 5,
  HW_HEADER_FRAMES = 6,
  HW_HEADER_PAGES = 7
};

/* Words of a frame. */
enum {
  HW_FRAME_VERSION = 0,
  HW_FRAME_PGNO = 1,
  HW_FRAME_FROM_LO = 2,
  HW_FRAME_FROM_HI = 3,
  HW_FRAME_TO_LO = 4,
  HW_FRAME_TO_HI = 5,
  HW_FRAME_NEXT = 6,
  HW_FRAME_VISITED = 7,
  HW_FRAME_WORDS = 8
};

typedef _Atomic uint32_t HwWord;

static inline uint32_t hwWordLoad(const HwWord *p){
  return atomic_load_explicit(p, memory_order_relaxed);
}

static inline uint64_t hwWordPair(const HwWord *p){
  return (uint64_t)hwWordLoad(p) | (uint64_t)hwWordLoad(p+1)<<32;
}

/*
** Copies a page, and reads nothing that comes later before it is done.
**
** The copy races with the engine, by design: whatever it brings is thrown away if the version has
** changed.  To the letter, the language allows that only for words that are read atomically, one by
** one; that is what the thread sanitizer gets, which does not know fences either.  Otherwise it is
** memcpy and a fence, as in every sequence lock: no compiler makes of single words what it makes of
** memcpy, and no machine can tell the two apart.
*/
#if defined(__SANITIZE_THREAD__)
static inline void hwFrameCopy(uint8_t *pOut, const uint8_t *pPage, uint32_t n){
  uint32_t i;
  for(i=0; i<n; i+=8){
    uint64_t w = atomic_load_explicit((const _Atomic uint64_t*)(pPage+i), memory_order_acquire);
    memcpy(pOut+i, &w, 8);
  }
}
#else
static inline void hwFrameCopy(uint8_t *pOut, const uint8_t *pPage, uint32_t n){
  memcpy(pOut, pPage, n);
  atomic_thread_fence(memory_order_acquire);
}
#endif

/* Any thread.  1 when pOut holds the page as of seq, 0 when no frame does. */
static inline int hwFrameLookUp(
  uint8_t *pMemory, uint32_t pgno, uint64_t seq, uint32_t pageSize, uint8_t *pOut
){
  const HwWord *aHeader = (const HwWord*)pMemory;
  uint32_t nBucket = hwWordLoad(&aHeader[HW_HEADER_BUCKET_COUNT]);
  uint32_t iBucket = (pgno*0x9E3779B1u) >> (32 - __builtin_ctz(nBucket));
  HwWord *aBucket = (HwWord*)(pMemory + hwWordLoad(&aHeader[HW_HEADER_BUCKETS]));
  HwWord *aFrame = (HwWord*)(pMemory + hwWordLoad(&aHeader[HW_HEADER_FRAMES]));
  uint32_t iFrame = atomic_load_explicit(&aBucket[iBucket], memory_order_acquire);
  int nStep;
  if( hwWordLoad(&aHeader[HW_HEADER_PAGE_SIZE])!=pageSize ) return 0;
  for(nStep=0; iFrame!=0 && nStep<HW_CHAIN_MAX; nStep++){
    HwWord *a = aFrame + (size_t)(iFrame-1)*HW_FRAME_WORDS;
    uint32_t version = atomic_load_explicit(&a[HW_FRAME_VERSION], memory_order_acquire);
    if( (version & 1)==0
     && hwWordLoad(&a[HW_FRAME_PGNO])==pgno
     && hwWordPair(&a[HW_FRAME_FROM_LO])<=seq
     && seq<hwWordPair(&a[HW_FRAME_TO_LO])
    ){
      const uint8_t *aPage = pMemory + hwWordLoad(&aHeader[HW_HEADER_PAGES]);
      hwFrameCopy(pOut, aPage + (size_t)(iFrame-1)*pageSize, pageSize);
      if( hwWordLoad(&a[HW_FRAME_VERSION])==version ){
        if( !hwWordLoad(&a[HW_FRAME_VISITED]) ){
          atomic_store_explicit(&a[HW_FRAME_VISITED], 1, memory_order_relaxed);
        }
        return 1;
      }
    }
    iFrame = hwWordLoad(&a[HW_FRAME_NEXT]);
  }
  return 0;
}

#endif
