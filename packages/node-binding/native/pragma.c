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

/* PRAGMA synchronous, as SQLite reads it; only to know what a commit must wait for. */
static void noteSynchronous(HwFile *pFile, const char *zArg){
  if( zArg==NULL ) return;
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

/* The state that a PRAGMA speaks of: the pinned one, or else the newest. */
static HwState stateNow(HwFile *pFile){
  HwState state = pFile->pinned;
  if( pFile->eLock==SQLITE_LOCK_NONE ){
    pthread_mutex_lock(&pFile->pMount->mutex);
    state = pFile->pMount->state;
    pthread_mutex_unlock(&pFile->pMount->mutex);
  }
  return state;
}

static int refuseArgument(HwFile *pFile, char **azArg){
  azArg[0] = pFile->pLibrary->pApi->mprintf("PRAGMA %s is read-only", azArg[1]);
  return SQLITE_ERROR;
}

static int pragmaSync(HwFile *pFile, char **azArg){
  int rc;
  if( pFile->eLock>=SQLITE_LOCK_RESERVED ){
    azArg[0] = pFile->pLibrary->pApi->mprintf("PRAGMA %s inside a write transaction", azArg[1]);
    return SQLITE_ERROR;
  }
  rc = hwRequest(pFile, HW_REQUEST_SYNC, 0, 0, NULL, 0);
  if( rc==SQLITE_OK ) return answer(pFile, azArg, "%016llx", stateNow(pFile).txid);
  azArg[0] = pFile->pLibrary->pApi->mprintf("headwater: %s", pFile->zWhy);
  return rc;
}

/* Of this connection, from its next COMMIT on. */
static int pragmaDurability(HwFile *pFile, char **azArg){
  int eNow = pFile->eDurability==HW_DEFAULT ? pFile->pMount->eDurability : pFile->eDurability;
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

/* Whether the close of this connection, if it is the last one, waits for the bucket. */
static int pragmaSyncOnClose(HwFile *pFile, char **azArg){
  const char *z = azArg[2];
  if( z==NULL ) return answer(pFile, azArg, "%d", !pFile->bQuietClose);
  if( isWord(z, "1") || isWord(z, "on") || isWord(z, "true") || isWord(z, "yes") ){
    pFile->bQuietClose = 0;
  }else if( isWord(z, "0") || isWord(z, "off") || isWord(z, "false") || isWord(z, "no") ){
    pFile->bQuietClose = 1;
  }else{
    azArg[0] = pFile->pLibrary->pApi->mprintf(
      "headwater: PRAGMA %s is on or off, not \"%s\"", azArg[1], z);
    return SQLITE_ERROR;
  }
  return SQLITE_OK;
}

/* Commits that are not in the bucket yet. */
static int pragmaPending(HwFile *pFile, char **azArg){
  HwMount *pMount = pFile->pMount;
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
  return answer(pFile, azArg, "%lld", (long long)hwSegmentBytes(pFile->pMount));
}

static int pragmaTxid(HwFile *pFile, char **azArg){
  if( azArg[2]!=NULL ) return refuseArgument(pFile, azArg);
  return answer(pFile, azArg, "%016llx", (unsigned long long)stateNow(pFile).txid);
}

/* Seconds since the state that new transactions see was known to be the newest. */
static int pragmaLag(HwFile *pFile, char **azArg){
  if( azArg[2]!=NULL ) return refuseArgument(pFile, azArg);
  return answer(pFile, azArg, "%llu", (unsigned long long)hwMountLagSeconds(pFile->pMount));
}

static int pragmaWhy(HwFile *pFile, char **azArg){
  azArg[0] = pFile->pLibrary->pApi->mprintf("%s", pFile->zWhy);
  return SQLITE_OK;
}

/* Each under both prefixes. */
static const struct { const char *zName; int (*xAnswer)(HwFile*, char**); } aOwn[] = {
  { "txid", pragmaTxid },
  { "lag", pragmaLag },
  { "sync", pragmaSync },
  { "durability", pragmaDurability },
  { "sync_on_close", pragmaSyncOnClose },
  { "pending", pragmaPending },
  { "journal_bytes", pragmaJournalBytes },
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
  if( isWord(zName, "journal_mode") && pFile->bExclusive && isWord(azArg[2], "wal") ){
    return answer(pFile, azArg, "delete");
  }
  if( isWord(zName, "page_size") && azArg[2]!=NULL ){
    u32 pageSize = atomic_load(&pFile->pMount->pageSize);
    if( pageSize!=0 && stateNow(pFile).pageCount>0 && (u32)atoi(azArg[2])!=pageSize ){
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
