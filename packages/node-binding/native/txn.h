/*
** txn.h -- the inside of a transaction, for txn.c, txn_pages.c and commit.c.
*/
#ifndef HEADWATER_TXN_H
#define HEADWATER_TXN_H
#include "headwater.h"

#define OFFSET_NONE (-1)             /* not in the journal */
#define OFFSET_ZERO (-2)             /* all zero: nothing to read */

struct HwTxnPage *hwTxnFindPage(HwTxn*, u32 pgno);
struct HwTxnPage *hwTxnNeedPage(HwTxn*, u32 pgno);
int hwTxnTakeBuffer(HwTxn*, struct HwTxnPage*);
void hwTxnFreeBuffers(HwTxn*);
void hwTxnReset(HwTxn*);
void hwTxnUnclaim(HwMount*);         /* under the mount's mutex */

static inline u32 hwGet32(const u8 *p){
  return (u32)p[0]<<24 | (u32)p[1]<<16 | (u32)p[2]<<8 | p[3];
}

#endif
