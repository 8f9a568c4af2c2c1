/*
** frame_stress.c -- look-ups in page frames against one thread that changes them.
**
** Compiled alone with frame_lookup.h, for sanitizers: `frame_stress OPERATIONS READERS`.  The main
** thread stands in for the engine.  It stores the same words in the same order as frame-table.ts of
** the page-cache package does: Atomics are sequentially consistent there and here, the bytes of a
** page are plain there and relaxed here, since it is their races that are wanted.  Which frame is
** evicted is left to chance, since no reader can tell.
**
** Each 8 bytes of a page are its number and the seq that made it.  A reader pins the newest seq,
** looks pages up for a while, and knows from the log of changes what it must find, if anything.
*/
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "frame_lookup.h"

enum {
  PAGE_SIZE = 4096,
  PAGES = 96,                        /* more than fit */
  FRAMES_MAX = 80,                   /* the cache has from FRAMES_MIN to FRAMES_MAX */
  FRAMES_MIN = 8,
  BUCKETS_MAX = 128,
  CHANGES_MAX = 1<<16,               /* of one page */
  READERS_MAX = 8,
  LOOK_UPS = 50                      /* with one pin */
};
#define BUCKETS_AT 128
#define FRAMES_AT (BUCKETS_AT + BUCKETS_MAX*4)
#define PAGES_AT ((FRAMES_AT + FRAMES_MAX*32 + 4095) / 4096 * 4096)
#define OPEN_END UINT64_MAX

static uint8_t *pMemory;
static _Atomic uint64_t newestSeq;
static atomic_int bStop;
static _Atomic uint64_t aPin[READERS_MAX];          /* 0: none */
static _Atomic uint64_t aChange[PAGES+1][CHANGES_MAX];
static atomic_uint nChange[PAGES+1];

static int nFrame = 48, nFrameEnd = 48;
static unsigned nEvict, nResize, nMove;

static HwWord *word(size_t offset){ return (HwWord*)(pMemory+offset); }
static HwWord *frameWord(int iFrame, int i){
  return word(FRAMES_AT + ((size_t)iFrame*HW_FRAME_WORDS + i)*4);
}
static uint32_t get(int iFrame, int i){ return atomic_load(frameWord(iFrame, i)); }
static void set(int iFrame, int i, uint32_t v){ atomic_store(frameWord(iFrame, i), v); }
static uint64_t pairAt(int iFrame, int i){
  return (uint64_t)get(iFrame, i) | (uint64_t)get(iFrame, i+1)<<32;
}

static uint32_t chance(uint64_t *pState){
  *pState = *pState*6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*pState>>33);
}

/* ---- the engine, as frame-table.ts ---- */

static HwWord *bucketOf(uint32_t pgno){
  uint32_t n = atomic_load(word(HW_HEADER_BUCKET_COUNT*4));
  return word(BUCKETS_AT + 4*(size_t)((pgno*0x9E3779B1u) >> (32 - __builtin_ctz(n))));
}

static void begin(int iFrame){
  set(iFrame, HW_FRAME_VERSION, get(iFrame, HW_FRAME_VERSION)+1);
  get(iFrame, HW_FRAME_VERSION);
}

static void commit(int iFrame){
  set(iFrame, HW_FRAME_VERSION, get(iFrame, HW_FRAME_VERSION)+1);
}

static void writePage(int iFrame, uint64_t w){
  _Atomic uint64_t *a = (_Atomic uint64_t*)(pMemory+PAGES_AT+(size_t)iFrame*PAGE_SIZE);
  int i;
  for(i=0; i<PAGE_SIZE/8; i++) atomic_store_explicit(&a[i], w, memory_order_relaxed);
}

static void writeRange(int iFrame, uint64_t from, uint64_t end){
  set(iFrame, HW_FRAME_FROM_LO, (uint32_t)from);
  set(iFrame, HW_FRAME_FROM_HI, (uint32_t)(from>>32));
  set(iFrame, HW_FRAME_TO_LO, (uint32_t)end);
  set(iFrame, HW_FRAME_TO_HI, (uint32_t)(end>>32));
}

static void fill(int iFrame, uint32_t pgno, uint64_t from, uint64_t end, uint64_t content){
  HwWord *pBucket = bucketOf(pgno);
  begin(iFrame);
  writePage(iFrame, content);
  set(iFrame, HW_FRAME_PGNO, pgno);
  writeRange(iFrame, from, end);
  set(iFrame, HW_FRAME_VISITED, 0);
  set(iFrame, HW_FRAME_NEXT, atomic_load(pBucket));
  commit(iFrame);
  atomic_store(pBucket, (uint32_t)iFrame+1);
}

static void empty(int iFrame){
  uint32_t next = get(iFrame, HW_FRAME_NEXT);
  HwWord *pBucket = bucketOf(get(iFrame, HW_FRAME_PGNO));
  uint32_t link = atomic_load(pBucket);
  if( link==(uint32_t)iFrame+1 ){
    atomic_store(pBucket, next);
  }else{
    while( get((int)link-1, HW_FRAME_NEXT)!=(uint32_t)iFrame+1 ){
      link = get((int)link-1, HW_FRAME_NEXT);
    }
    begin((int)link-1);
    set((int)link-1, HW_FRAME_NEXT, next);
    commit((int)link-1);
  }
  begin(iFrame);
  set(iFrame, HW_FRAME_PGNO, 0);
  set(iFrame, HW_FRAME_NEXT, 0);
  commit(iFrame);
}

static void rehash(uint32_t nBucket){
  uint32_t i;
  int iFrame;
  atomic_store(word(HW_HEADER_BUCKET_COUNT*4), nBucket);
  for(i=0; i<BUCKETS_MAX; i++) atomic_store(word(BUCKETS_AT+4*(size_t)i), 0);
  for(iFrame=0; iFrame<nFrameEnd; iFrame++){
    HwWord *pBucket;
    if( get(iFrame, HW_FRAME_PGNO)==0 ) continue;
    pBucket = bucketOf(get(iFrame, HW_FRAME_PGNO));
    begin(iFrame);
    set(iFrame, HW_FRAME_NEXT, atomic_load(pBucket));
    commit(iFrame);
    atomic_store(pBucket, (uint32_t)iFrame+1);
  }
}

/* ---- the engine, as page-cache.ts ---- */

static uint64_t rng = 1;

static int findFrame(uint32_t pgno, uint64_t seq){
  uint32_t link = atomic_load(bucketOf(pgno));
  for(; link!=0; link = get((int)link-1, HW_FRAME_NEXT)){
    int iFrame = (int)link-1;
    if( get(iFrame, HW_FRAME_PGNO)==pgno
     && pairAt(iFrame, HW_FRAME_FROM_LO)<=seq && seq<pairAt(iFrame, HW_FRAME_TO_LO) ) return iFrame;
  }
  return -1;
}

static int findFree(void){
  int iFrame;
  for(iFrame=0; iFrame<nFrame; iFrame++) if( get(iFrame, HW_FRAME_PGNO)==0 ) return iFrame;
  return -1;
}

static int takeFrame(void){
  int iFree = findFree();
  while( iFree<0 ){
    int iFrame = (int)(chance(&rng)%(uint32_t)nFrameEnd);
    if( get(iFrame, HW_FRAME_PGNO)==0 ) continue;
    if( get(iFrame, HW_FRAME_VISITED) ){
      set(iFrame, HW_FRAME_VISITED, 0);
      continue;
    }
    empty(iFrame);
    nEvict++;
    iFree = findFree();
  }
  return iFree;
}

static uint64_t contentAt(uint32_t pgno, uint64_t seq){
  unsigned i = atomic_load(&nChange[pgno]);
  while( i>0 && aChange[pgno][i-1]>seq ) i--;
  return (uint64_t)pgno<<32 | (i==0 ? 0 : aChange[pgno][i-1]);
}

static void insertNewest(uint32_t pgno){
  uint64_t content = contentAt(pgno, newestSeq);
  if( findFrame(pgno, newestSeq)<0 ){
    fill(takeFrame(), pgno, content & UINT32_MAX, OPEN_END, content);
  }
}

static void reclaim(void){
  uint64_t oldest = newestSeq;
  int i;
  for(i=0; i<READERS_MAX; i++) if( aPin[i]!=0 && aPin[i]<oldest ) oldest = aPin[i];
  for(i=0; i<nFrameEnd; i++){
    if( get(i, HW_FRAME_PGNO)!=0 && pairAt(i, HW_FRAME_TO_LO)<=oldest ) empty(i);
  }
}

static void change(uint32_t pgno){
  uint64_t seq = newestSeq+1;
  int iFrame = findFrame(pgno, newestSeq);
  unsigned n = atomic_load(&nChange[pgno]);
  if( n==CHANGES_MAX ) return;
  if( iFrame>=0 ){
    uint64_t from = pairAt(iFrame, HW_FRAME_FROM_LO);
    begin(iFrame);
    writeRange(iFrame, from, seq);
    commit(iFrame);
    fill(takeFrame(), pgno, seq, OPEN_END, (uint64_t)pgno<<32 | seq);
  }
  atomic_store(&aChange[pgno][n], seq);
  atomic_store(&nChange[pgno], n+1);
  atomic_store(&newestSeq, seq);
}

/* Grows at once; a smaller cache first moves what is behind its end, and zeroes it as the system
** does with memory that it takes back. */
static void resize(int nNew){
  nResize++;
  nFrame = nNew;
  if( nNew>nFrameEnd ) nFrameEnd = nNew;
  while( nFrameEnd>nNew ){
    int iLast = nFrameEnd-1;
    if( get(iLast, HW_FRAME_PGNO)!=0 ){
      int iTo = takeFrame();
      if( get(iLast, HW_FRAME_PGNO)!=0 ){
        const _Atomic uint64_t *aFrom =
          (const _Atomic uint64_t*)(pMemory+PAGES_AT+(size_t)iLast*PAGE_SIZE);
        fill(iTo, get(iLast, HW_FRAME_PGNO), pairAt(iLast, HW_FRAME_FROM_LO),
          pairAt(iLast, HW_FRAME_TO_LO), *aFrom);
        set(iTo, HW_FRAME_VISITED, get(iLast, HW_FRAME_VISITED));
        empty(iLast);
        nMove++;
      }
    }
    writePage(iLast, 0);
    nFrameEnd--;
  }
  rehash(nNew>64 ? 128 : nNew>32 ? 64 : nNew>16 ? 32 : 16);
}

/* ---- a reader ---- */

typedef struct Reader {
  int i;
  uint64_t nHit, nMiss;
  char zProblem[200];
} Reader;

static int check(Reader *p, uint32_t pgno, uint64_t pin, const uint64_t *aWord){
  uint64_t expected = contentAt(pgno, pin);
  int i;
  for(i=1; i<PAGE_SIZE/8; i++){
    if( aWord[i]==aWord[0] ) continue;
    snprintf(p->zProblem, sizeof(p->zProblem), "page %u is torn at %d", pgno, i*8);
    return 0;
  }
  if( aWord[0]==expected ) return 1;
  snprintf(p->zProblem, sizeof(p->zProblem), "page %u at pin %llu is %llx, not %llx", pgno,
    (unsigned long long)pin, (unsigned long long)aWord[0], (unsigned long long)expected);
  return 0;
}

static void *readerMain(void *pArg){
  Reader *p = pArg;
  uint64_t state = 77+(uint64_t)p->i;
  uint64_t *aWord = malloc(PAGE_SIZE);
  while( !atomic_load(&bStop) && p->zProblem[0]==0 ){
    uint64_t pin = atomic_load(&newestSeq);
    int i;
    atomic_store(&aPin[p->i], pin);
    for(i=0; i<LOOK_UPS && p->zProblem[0]==0; i++){
      uint32_t pgno = 1 + chance(&state)%PAGES;
      if( !hwFrameLookUp(pMemory, pgno, pin, PAGE_SIZE, (uint8_t*)aWord) ){
        p->nMiss++;
      }else{
        p->nHit++;
        check(p, pgno, pin, aWord);
      }
    }
    atomic_store(&aPin[p->i], 0);
  }
  free(aWord);
  return NULL;
}

int main(int argc, char **argv){
  int nOperation = argc>1 ? atoi(argv[1]) : 100000;
  int nReader = argc>2 ? atoi(argv[2]) : 2;
  pthread_t aThread[READERS_MAX];
  static Reader aReader[READERS_MAX];
  uint64_t nHit = 0, nMiss = 0;
  int i, rc = 0;
  pMemory = aligned_alloc(4096, PAGES_AT + FRAMES_MAX*PAGE_SIZE);
  memset(pMemory, 0, PAGES_AT + FRAMES_MAX*PAGE_SIZE);
  atomic_store(word(HW_HEADER_PAGE_SIZE*4), PAGE_SIZE);
  atomic_store(word(HW_HEADER_BUCKET_COUNT*4), 64);
  atomic_store(word(HW_HEADER_BUCKETS*4), BUCKETS_AT);
  atomic_store(word(HW_HEADER_FRAMES*4), FRAMES_AT);
  atomic_store(word(HW_HEADER_PAGES*4), PAGES_AT);
  atomic_store(&newestSeq, 1);
  for(i=0; i<nReader; i++){
    aReader[i].i = i;
    pthread_create(&aThread[i], NULL, readerMain, &aReader[i]);
  }
  for(i=0; i<nOperation; i++){
    uint32_t pgno = 1 + chance(&rng)%PAGES;
    uint32_t what = chance(&rng)%100;
    if( what<25 ) change(pgno);
    else if( what<90 ) insertNewest(pgno);
    else if( what<99 ) reclaim();
    else resize(FRAMES_MIN + (int)(chance(&rng)%(FRAMES_MAX-FRAMES_MIN+1)));
  }
  atomic_store(&bStop, 1);
  for(i=0; i<nReader; i++){
    pthread_join(aThread[i], NULL);
    nHit += aReader[i].nHit;
    nMiss += aReader[i].nMiss;
    if( aReader[i].zProblem[0]==0 ) continue;
    printf("%s\n", aReader[i].zProblem);
    rc = 1;
  }
  printf("%llu hits, %llu misses, %u evictions, %u resizes, %u moves\n",
    (unsigned long long)nHit, (unsigned long long)nMiss, nEvict, nResize, nMove);
  free(pMemory);
  return rc;
}
