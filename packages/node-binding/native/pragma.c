/*
** pragma.c -- the PRAGMAs that a mount answers itself, and those of SQLite that it must know of.
*/
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include "headwater.h"

static int isWord(const char *z, const char *zWord){
  return z!=NULL && strcasecmp(z, zWord)==0;
}

/* PRAGMA synchronous, as SQLite reads it, which within a transaction it refuses to; only to know
** what a commit must wait for. */
static void noteSynchronous(HwFile *pFile, const char *zArg){
  if( zArg==NULL ) return;
  if( pFile->ppDb!=NULL && !pFile->pLibrary->pApi->get_autocommit(*pFile->ppDb) ) return;
  if( isWord(zArg, "0") || isWord(zArg, "off") || isWord(zArg, "no") || isWord(zArg, "false") ){
    pFile->synchronous = 0;
  }else if( isWord(zArg, "1") || isWord(zArg, "normal") || isWord(zArg, "on")
         || isWord(zArg, "yes") || isWord(zArg, "true") ){
    pFile->synchronous = 1;
  }else{
    pFile->synchronous = 2;
  }
}

static int answer(HwFile *pFile, char **azArg, const char *zFormat, ...){
  char zOut[64];
  va_list ap;
  va_start(ap, zFormat);
  vsnprintf(zOut, sizeof(zOut), zFormat, ap);
  va_end(ap);
  azArg[0] = pFile->pLibrary->pApi->mprintf("%s", zOut);
  return SQLITE_OK;
}

static int refuseArgument(HwFile *pFile, char **azArg){
  azArg[0] = pFile->pLibrary->pApi->mprintf("PRAGMA %s is read-only", azArg[1]);
  return SQLITE_ERROR;
}

/* Of the present, as far as this transaction may see it. */
static u64 homeTxid(HwFile *pFile){
  u64 txid;
  if( pFile->pMount==pFile->pHome ) return hwShownState(pFile).txid;
  pthread_mutex_lock(&pFile->pHome->mutex);
  txid = pFile->pHome->state.txid;
  pthread_mutex_unlock(&pFile->pHome->mutex);
  return txid;
}

static int pragmaSync(HwFile *pFile, char **azArg){
  int rc;
  if( pFile->eLock>=SQLITE_LOCK_RESERVED ){
    azArg[0] = pFile->pLibrary->pApi->mprintf("PRAGMA %s inside a write transaction", azArg[1]);
    return SQLITE_ERROR;
  }
  rc = hwRequestHome(pFile, HW_REQUEST_SYNC, 0);
  if( rc==SQLITE_OK ){
    return answer(pFile, azArg, "%016llx", (unsigned long long)homeTxid(pFile));
  }
  azArg[0] = pFile->pLibrary->pApi->mprintf("headwater: %s", pFile->zWhy);
  return rc;
}

/* Of this connection, from its next COMMIT on. */
static int pragmaDurability(HwFile *pFile, char **azArg){
  int eNow = pFile->eDurability==HW_DEFAULT ? pFile->pHome->eDurability : pFile->eDurability;
  if( azArg[2]==NULL ) return answer(pFile, azArg, eNow==HW_REMOTE ? "remote" : "eventual");
  if( isWord(azArg[2], "remote") ){
    pFile->eDurability = HW_REMOTE;
  }else if( isWord(azArg[2], "eventual") ){
    pFile->eDurability = HW_EVENTUAL;
  }else{
    azArg[0] = pFile->pLibrary->pApi->mprintf(
      "headwater: PRAGMA %s is \"remote\" or \"eventual\", not \"%s\"", azArg[1], azArg[2]);
    return SQLITE_ERROR;
  }
  return SQLITE_OK;
}

/* 1 or 0; below 0, and words, when it is neither. */
static int readSwitch(HwFile *pFile, char **azArg){
  const char *z = azArg[2];
  if( isWord(z, "1") || isWord(z, "on") || isWord(z, "true") || isWord(z, "yes") ) return 1;
  if( isWord(z, "0") || isWord(z, "off") || isWord(z, "false") || isWord(z, "no") ) return 0;
  azArg[0] = pFile->pLibrary->pApi->mprintf(
    "headwater: PRAGMA %s is on or off, not \"%s\"", azArg[1], z);
  return -1;
}

/* Whether the close of this connection, if it is the last one, waits for the bucket. */
static int pragmaSyncOnClose(HwFile *pFile, char **azArg){
  int bSync;
  if( azArg[2]==NULL ) return answer(pFile, azArg, "%d", !pFile->bQuietClose);
  bSync = readSwitch(pFile, azArg);
  if( bSync<0 ) return SQLITE_ERROR;
  pFile->bQuietClose = !bSync;
  return SQLITE_OK;
}

static int takesWrites(HwFile *pFile){
  HwMount *pMount = pFile->pHome;
  int bWrites;
  pthread_mutex_lock(&pMount->mutex);
  bWrites = pMount->bWrite && pMount->bWritable;
  if( !bWrites ) hwWhy(pFile, "%s", pMount->zReason);
  pthread_mutex_unlock(&pMount->mutex);
  return bWrites;
}

/* Whether the mount takes writes.  Setting it changes its role, under all of its connections. */
static int pragmaWriteEnabled(HwFile *pFile, char **azArg){
  int bWrite, rc;
  if( azArg[2]==NULL ) return answer(pFile, azArg, "%d", takesWrites(pFile));
  bWrite = readSwitch(pFile, azArg);
  if( bWrite<0 ) return SQLITE_ERROR;
  if( pFile->eLock>=SQLITE_LOCK_RESERVED ){
    azArg[0] = pFile->pLibrary->pApi->mprintf("PRAGMA %s inside a write transaction", azArg[1]);
    return SQLITE_ERROR;
  }
  rc = hwRequestHome(pFile, HW_REQUEST_ROLE, (u64)bWrite);
  if( rc==SQLITE_OK && bWrite && !takesWrites(pFile) ) rc = SQLITE_READONLY;
  if( rc!=SQLITE_OK ) azArg[0] = pFile->pLibrary->pApi->mprintf("headwater: %s", pFile->zWhy);
  return rc;
}

/* Commits that are not in the bucket yet. */
static int pragmaPending(HwFile *pFile, char **azArg){
  HwMount *pMount = pFile->pHome;
  u64 n = 0;
  if( azArg[2]!=NULL ) return refuseArgument(pFile, azArg);
  pthread_mutex_lock(&pMount->mutex);
  if( pMount->bWrite && pMount->state.seq>pMount->syncedSeq ){
    n = pMount->state.seq-pMount->syncedSeq;
  }
  pthread_mutex_unlock(&pMount->mutex);
  return answer(pFile, azArg, "%llu", (unsigned long long)n);
}

/* Bytes of them. */
static int pragmaJournalBytes(HwFile *pFile, char **azArg){
  if( azArg[2]!=NULL ) return refuseArgument(pFile, azArg);
  return answer(pFile, azArg, "%lld", (long long)hwSegmentBytes(pFile->pHome));
}

static int pragmaTxid(HwFile *pFile, char **azArg){
  if( azArg[2]!=NULL ) return refuseArgument(pFile, azArg);
  return answer(pFile, azArg, "%016llx", (unsigned long long)hwShownState(pFile).txid);
}

/* The moment that is shown; with an argument, the one to be shown from the next transaction on. */
static int pragmaTime(HwFile *pFile, char **azArg){
  char zTime[HW_TIME_MAX];
  int rc;
  if( azArg[2]==NULL ){
    hwShownTime(pFile, zTime);
    return answer(pFile, azArg, "%s", zTime);
  }
  rc = hwTravel(pFile, azArg[2]);
  if( rc!=SQLITE_OK ) azArg[0] = pFile->pLibrary->pApi->mprintf("headwater: %s", pFile->zWhy);
  return rc;
}

/* Seconds since the state that new transactions in the present see was known to be the newest. */
static int pragmaLag(HwFile *pFile, char **azArg){
  if( azArg[2]!=NULL ) return refuseArgument(pFile, azArg);
  return answer(pFile, azArg, "%llu", (unsigned long long)hwMountLagSeconds(pFile->pHome));
}

/* Percent of the pages that are in the local image; 0 when there is none. */
static int pragmaHydrationProgress(HwFile *pFile, char **azArg){
  HwImage *pImage = atomic_load(&pFile->pHome->pImage);
  int permille;
  if( azArg[2]!=NULL ) return refuseArgument(pFile, azArg);
  if( pImage==NULL ) return answer(pFile, azArg, "0");
  permille = atomic_load(&pImage->permille);
  return answer(pFile, azArg, "%d.%d", permille/10, permille%10);
}

/* Where the local image is, if it stays. */
static int pragmaHydrationFile(HwFile *pFile, char **azArg){
  HwImage *pImage = atomic_load(&pFile->pHome->pImage);
  const char *zKept = pImage!=NULL && pImage->zKept!=NULL ? pImage->zKept : "";
  if( azArg[2]!=NULL ) return refuseArgument(pFile, azArg);
  azArg[0] = pFile->pLibrary->pApi->mprintf("%s", zKept);
  return SQLITE_OK;
}

static int pragmaWhy(HwFile *pFile, char **azArg){
  azArg[0] = pFile->pLibrary->pApi->mprintf("%s", pFile->zWhy);
  return SQLITE_OK;
}

/* Each under both prefixes. */
static const struct { const char *zName; int (*xAnswer)(HwFile*, char**); } aOwn[] = {
  { "txid", pragmaTxid },
  { "time", pragmaTime },
  { "lag", pragmaLag },
  { "sync", pragmaSync },
  { "durability", pragmaDurability },
  { "write_enabled", pragmaWriteEnabled },
  { "sync_on_close", pragmaSyncOnClose },
  { "pending", pragmaPending },
  { "journal_bytes", pragmaJournalBytes },
  { "hydration_progress", pragmaHydrationProgress },
  { "hydration_file", pragmaHydrationFile },
  { "why", pragmaWhy },
};

/* What comes after "headwater_" or "litestream_"; NULL when it begins with neither. */
static const char *withoutPrefix(const char *zName){
  static const char *const azPrefix[] = { "headwater_", "litestream_" };
  size_t i;
  for(i=0; i<sizeof(azPrefix)/sizeof(azPrefix[0]); i++){
    size_t n = strlen(azPrefix[i]);
    if( strncasecmp(zName, azPrefix[i], n)==0 ) return zName+n;
  }
  return NULL;
}

/* Only the main database is told of a locking mode that all of a connection get. */
static int mayBeExclusive(HwFile *pFile){
  if( pFile->bExclusive || pFile->ppDb==NULL ) return pFile->bExclusive;
  return hwFileOf(*pFile->ppDb, pFile->pLibrary->pApi)!=pFile;
}

/* azArg: 0 result or message, 1 name, 2 argument or NULL. */
int hwPragma(HwFile *pFile, char **azArg){
  const char *zName = azArg[1];
  const char *zOwn;
  size_t i;
  if( isWord(zName, "synchronous") ){
    noteSynchronous(pFile, azArg[2]);
    return SQLITE_NOTFOUND;
  }
  if( isWord(zName, "locking_mode") && azArg[2]!=NULL ){
    pFile->bExclusive = isWord(azArg[2], "exclusive");
    return SQLITE_NOTFOUND;
  }
  /* Under an exclusive lock SQLite would need no shared memory for it, and not ask us. */
  if( isWord(zName, "journal_mode") && mayBeExclusive(pFile) && isWord(azArg[2], "wal") ){
    return answer(pFile, azArg, "delete");
  }
  if( isWord(zName, "page_size") && azArg[2]!=NULL ){
    u32 pageSize = atomic_load(&pFile->pMount->pageSize);
    if( pageSize!=0 && hwShownState(pFile).pageCount>0 && (u32)atoi(azArg[2])!=pageSize ){
      azArg[0] = pFile->pLibrary->pApi->mprintf(
        "headwater: the page size of a replica cannot change: it is %u", pageSize);
      return SQLITE_ERROR;
    }
    return SQLITE_NOTFOUND;
  }
  zOwn = withoutPrefix(zName);
  for(i=0; zOwn!=NULL && i<sizeof(aOwn)/sizeof(aOwn[0]); i++){
    if( isWord(zOwn, aOwn[i].zName) ) return aOwn[i].xAnswer(pFile, azArg);
  }
  return SQLITE_NOTFOUND;
}
