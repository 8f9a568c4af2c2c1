/*
** txn.h -- the table of a transaction's pages, for txn.c and txn_pages.c.
*/
#ifndef HEADWATER_TXN_H
#define HEADWATER_TXN_H
#include "headwater.h"

#define OFFSET_NONE (-1)             /* not in the journal */
#define OFFSET_ZERO (-2)             /* all zero: nothing to read */

struct HwTxnPage *hwTxnFindPage(HwTxn*, u32 pgno);
struct HwTxnPage *hwTxnNeedPage(HwTxn*, u32 pgno);
u8 *hwTxnTakeBuffer(HwTxn*);
void hwTxnFreeBuffers(HwTxn*);
void hwTxnReset(HwTxn*);

#endif
