/*
** delta.c -- what changed in a page since its last version, as a list of byte ranges.
**
** FORMAT (little-endian)
**
**    delta     = size u32 of all that follows, then ranges
**    range     = offset u16, length u16, then that many bytes
**
** A one-row commit changes some hundred bytes in two or three pages; writing the pages whole would
** cost more than all the rest of the commit.
*/
#include <stdlib.h>
#include "headwater.h"

#define BLOCK 64                     /* bytes compared at once: most are equal */
#define GAP 8                        /* equal bytes that do not end a range */

static void put16(u8 *p, u32 v){
  p[0] = (u8)v;
  p[1] = (u8)(v>>8);
}

static u32 get16(const u8 *p){ return p[0] | (u32)p[1]<<8; }

/* The first byte from i on that differs, or n. */
static u32 nextDifference(const u8 *pOld, const u8 *pNew, u32 i, u32 n){
  while( n-i>=BLOCK && memcmp(pOld+i, pNew+i, BLOCK)==0 ) i += BLOCK;
  while( n-i>=8 && memcmp(pOld+i, pNew+i, 8)==0 ) i += 8;
  while( i<n && pOld[i]==pNew[i] ) i++;
  return i;
}

/* End of the range that begins at i: after the last byte that differs before GAP equal ones. */
static u32 rangeEnd(const u8 *pOld, const u8 *pNew, u32 i, u32 n){
  u32 end = i+1, nEqual = 0;
  for(i++; i<n && nEqual<GAP; i++){
    if( pOld[i]==pNew[i] ){
      nEqual++;
    }else{
      nEqual = 0;
      end = i+1;
    }
  }
  return end;
}

/* Size of the delta written to pOut, or 0 when it would not fit into nMax bytes. */
u32 hwDeltaMake(const u8 *pOld, const u8 *pNew, u32 n, u8 *pOut, u32 nMax){
  u32 nOut = 4, nBody;
  u32 i = nextDifference(pOld, pNew, 0, n);
  while( i<n ){
    u32 end = rangeEnd(pOld, pNew, i, n);
    u32 length = end-i;
    if( length>0xffff || nOut+4+length>nMax ) return 0;
    put16(pOut+nOut, i);
    put16(pOut+nOut+2, length);
    memcpy(pOut+nOut+4, pNew+i, length);
    nOut += 4+length;
    i = nextDifference(pOld, pNew, end, n);
  }
  nBody = nOut-4;
  memcpy(pOut, &nBody, 4);
  return nOut;
}

/* 1, or 0 when the delta does not fit the page. */
int hwDeltaApply(u8 *pPage, u32 n, const u8 *pDelta, u32 nDelta){
  u32 i = 4;
  while( i<nDelta ){
    u32 offset, length;
    if( nDelta-i<4 ) return 0;
    offset = get16(pDelta+i);
    length = get16(pDelta+i+2);
    i += 4;
    if( length>nDelta-i || offset+length>n ) return 0;
    memcpy(pPage+offset, pDelta+i, length);
    i += length;
  }
  return i==nDelta;
}

/* The writer's memory of page versions that it has just committed, to make deltas against. */
struct HwRecent {
  u32 nSlot;                         /* a power of two */
  u32 pageSize;
  struct RecentPage {
    u32 pgno;                        /* 0: nothing here */
    u32 segment;                     /* serial of the segment whose newest version this is */
    u32 depth;                       /* deltas since the last whole page */
    u8 *pData;
  } a[];
};

#define RECENT_MEMORY (1<<20)
#define RECENT_MAX 256

static struct RecentPage *slotOf(HwRecent *p, u32 pgno){ return &p->a[pgno & (p->nSlot-1)]; }

/* Writer.  The committed version of pgno in this segment, or NULL. */
const u8 *hwRecentFind(HwMount *pMount, u32 pgno, u32 segment, u32 pageSize, u32 *pDepth){
  HwRecent *p = pMount->pRecent;
  struct RecentPage *pSlot;
  if( p==NULL || p->pageSize!=pageSize ) return NULL;
  pSlot = slotOf(p, pgno);
  if( pSlot->pgno!=pgno || pSlot->segment!=segment ) return NULL;
  *pDepth = pSlot->depth;
  return pSlot->pData;
}

static HwRecent *recentNew(u32 pageSize){
  u32 nSlot = RECENT_MAX;
  HwRecent *p;
  while( nSlot*pageSize>RECENT_MEMORY && nSlot>16 ) nSlot /= 2;
  p = calloc(1, sizeof(*p) + nSlot*sizeof(p->a[0]));
  if( p!=NULL ){
    p->nSlot = nSlot;
    p->pageSize = pageSize;
  }
  return p;
}

/* Writer. */
void hwRecentForget(HwMount *pMount, u32 pgno){
  struct RecentPage *pSlot;
  if( pMount->pRecent==NULL ) return;
  pSlot = slotOf(pMount->pRecent, pgno);
  if( pSlot->pgno==pgno ) pSlot->pgno = 0;
}

/*
** Writer.  Keeps the page that *ppData holds, and gives another buffer of that size or NULL in its
** place: a copy would cost more than all else here.  Failing to remember costs speed only.
*/
void hwRecentKeep(
  HwMount *pMount,
  u32 pgno,
  u32 segment,
  u32 pageSize,
  u32 depth,
  u8 **ppData
){
  struct RecentPage *pSlot;
  u8 *pData = *ppData;
  if( pMount->pRecent!=NULL && pMount->pRecent->pageSize!=pageSize ){
    hwRecentFree(pMount->pRecent);
    pMount->pRecent = NULL;
  }
  if( pMount->pRecent==NULL && (pMount->pRecent = recentNew(pageSize))==NULL ) return;
  pSlot = slotOf(pMount->pRecent, pgno);
  *ppData = pSlot->pData;
  pSlot->pData = pData;
  pSlot->pgno = pgno;
  pSlot->segment = segment;
  pSlot->depth = depth;
}

void hwRecentFree(HwRecent *p){
  u32 i;
  if( p==NULL ) return;
  for(i=0; i<p->nSlot; i++) free(p->a[i].pData);
  free(p);
}
