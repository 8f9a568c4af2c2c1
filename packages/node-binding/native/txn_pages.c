/*
** txn_pages.c -- the table of a transaction's pages and the buffers for those in memory.
**
** Both are kept from one transaction to the next, so that a small commit allocates nothing.
*/
#include <stdlib.h>
#include "txn.h"

static u32 slotHash(u32 pgno){ return pgno*0x9E3779B1u; }

static u32 *findSlot(HwTxn *p, u32 pgno){
  u32 mask = p->nSlot-1;
  u32 i = slotHash(pgno) & mask;
  while( p->aSlot[i]!=0 && p->aPage[p->aSlot[i]-1].pgno!=pgno ) i = (i+1) & mask;
  return &p->aSlot[i];
}

static int growSlots(HwTxn *p){
  u32 nSlot = p->nSlot ? p->nSlot*2 : 256;
  u32 *aSlot = calloc(nSlot, sizeof(u32));
  u32 i;
  if( aSlot==NULL ) return 0;
  free(p->aSlot);
  p->aSlot = aSlot;
  p->nSlot = nSlot;
  for(i=0; i<p->nPage; i++) *findSlot(p, p->aPage[i].pgno) = i+1;
  return 1;
}

struct HwTxnPage *hwTxnFindPage(HwTxn *p, u32 pgno){
  u32 *pSlot;
  if( p->nPage==0 ) return NULL;
  pSlot = findSlot(p, pgno);
  return *pSlot ? &p->aPage[*pSlot-1] : NULL;
}

/* The record of pgno, made when there is none.  NULL when there is no memory. */
struct HwTxnPage *hwTxnNeedPage(HwTxn *p, u32 pgno){
  struct HwTxnPage *pPage;
  u32 *pSlot;
  if( (p->nPage+1)*2>p->nSlot && !growSlots(p) ) return NULL;
  pSlot = findSlot(p, pgno);
  if( *pSlot ) return &p->aPage[*pSlot-1];
  if( p->nPage==p->nPageAlloc ){
    u32 nAlloc = p->nPageAlloc ? p->nPageAlloc*2 : 64;
    void *a = realloc(p->aPage, nAlloc*sizeof(p->aPage[0]));
    if( a==NULL ) return NULL;
    p->aPage = a;
    p->nPageAlloc = nAlloc;
  }
  *pSlot = p->nPage+1;
  pPage = &p->aPage[p->nPage++];
  pPage->pgno = pgno;
  pPage->pData = NULL;
  pPage->offset = OFFSET_NONE;
  pPage->nDelta = pPage->depth = 0;
  return pPage;
}

/* Gives the page a buffer.  1, or 0 when there is no memory. */
int hwTxnTakeBuffer(HwTxn *p, struct HwTxnPage *pPage){
  u32 i = p->nBufferUsed;
  if( i==p->nBufferAlloc ){
    u32 nAlloc = p->nBufferAlloc ? p->nBufferAlloc*2 : 16;
    void *a = realloc(p->apBuffer, nAlloc*sizeof(u8*));
    if( a==NULL ) return 0;
    p->apBuffer = a;
    p->nBufferAlloc = nAlloc;
  }
  if( i==p->nBuffer ) p->apBuffer[p->nBuffer++] = NULL;
  if( p->apBuffer[i]==NULL ) p->apBuffer[i] = malloc(p->pageSize);
  if( p->apBuffer[i]==NULL ) return 0;
  p->nBufferUsed++;
  pPage->iBuffer = i;
  pPage->pData = p->apBuffer[i];
  return 1;
}

void hwTxnFreeBuffers(HwTxn *p){
  u32 i;
  for(i=0; i<p->nBuffer; i++) free(p->apBuffer[i]);
  p->nBuffer = p->nBufferUsed = 0;
}

/* Empty again, keeping what memory the next transaction is likely to want. */
void hwTxnReset(HwTxn *p){
  if( p->nSlot>4096 ){
    free(p->aSlot);
    p->aSlot = NULL;
    p->nSlot = 0;
  }else if( p->nPage ){
    memset(p->aSlot, 0, p->nSlot*sizeof(u32));
  }
  if( (size_t)p->nBuffer*p->pageSize>(1<<20) ) hwTxnFreeBuffers(p);
  p->nBufferUsed = 0;
  p->nPage = 0;
  memset(&p->tail, 0, sizeof(p->tail));
  p->bOpen = 0;
  p->bAppended = 0;
}
