/*
** functions.c -- the SQL functions of a connection whose main database is a mount, each under the
** prefixes litestream_ and headwater_.
**
** SQLite calls a function without saying which library it is called from, and several may live in
** one process.  So each library has an entry point of its own, which knows its routines.
*/
#include <stdio.h>
#include "headwater.h"

typedef struct Call {
  const sqlite3_api_routines *pApi;
  sqlite3_context *pCtx;
  HwFile *pFile;
  const char *zArg;                  /* NULL when there is none, or SQL's NULL */
} Call;

static void resultText(Call *p, const char *z){
  p->pApi->result_text(p->pCtx, z, -1, SQLITE_TRANSIENT);
}

static void resultWhy(Call *p, const char *zWhy){
  char *z = p->pApi->mprintf("headwater: %s", zWhy);
  if( z==NULL ){
    p->pApi->result_error_nomem(p->pCtx);
    return;
  }
  p->pApi->result_error(p->pCtx, z, -1);
  p->pApi->free(z);
}

static void callTxid(Call *p){
  char z[HW_TIME_MAX];
  snprintf(z, sizeof(z), "%016llx", (unsigned long long)hwShownState(p->pFile).txid);
  resultText(p, z);
}

static void callTime(Call *p){
  char z[HW_TIME_MAX];
  hwShownTime(p->pFile, z);
  resultText(p, z);
}

static void callLag(Call *p){
  p->pApi->result_int64(p->pCtx, (i64)hwMountLagSeconds(p->pFile->pHome));
}

static void callSetTime(Call *p){
  if( p->zArg==NULL ){
    resultWhy(p, "timestamp required");
  }else if( hwTravel(p->pFile, p->zArg)!=SQLITE_OK ){
    resultWhy(p, p->pFile->zWhy);
  }
}

/*
** SQLite thread.  The main database of a connection; NULL when it is none of ours.  Another copy of
** this package in the process answers the same file control, and its files are of another kind.
*/
HwFile *hwFileOf(sqlite3 *db, const sqlite3_api_routines *pApi){
  HwFile *pFile = NULL;
  if( pApi->file_control(db, "main", HW_FCNTL_SELF, &pFile)!=SQLITE_OK ) return NULL;
  return pFile!=NULL && pFile->pMethods==&hwFileMethods ? pFile : NULL;
}

/* No view and no trigger, which a database brings along, may move whoever reads it. */
static const struct Function {
  const char *zName;
  int nArg, flags;
  void (*xCall)(Call*);
} aFunction[] = {
  { "txid", 0, SQLITE_UTF8, callTxid },
  { "time", 0, SQLITE_UTF8, callTime },
  { "lag", 0, SQLITE_UTF8, callLag },
  { "set_time", 1, SQLITE_UTF8|SQLITE_DIRECTONLY, callSetTime },
};

static void call(
  const sqlite3_api_routines *pApi,
  sqlite3_context *pCtx,
  int nArg,
  sqlite3_value **apArg
){
  const struct Function *pFunction = pApi->user_data(pCtx);
  Call one = { pApi, pCtx, hwFileOf(pApi->context_db_handle(pCtx), pApi), NULL };
  if( one.pFile==NULL ){
    resultWhy(&one, "the main database is not a mount any more");
    return;
  }
  if( nArg>0 ) one.zArg = (const char*)pApi->value_text(apArg[0]);
  pFunction->xCall(&one);
}

/* ---- the entry points ---- */

typedef void (*Entry)(sqlite3_context*, int, sqlite3_value**);
static const sqlite3_api_routines *apApi[HW_LIBRARIES_MAX];

#define ENTRY(i) \
  static void entry##i(sqlite3_context *pCtx, int nArg, sqlite3_value **apArg){ \
    call(apApi[i], pCtx, nArg, apArg); \
  }
ENTRY(0) ENTRY(1) ENTRY(2) ENTRY(3) ENTRY(4) ENTRY(5) ENTRY(6) ENTRY(7)
static const Entry aEntry[HW_LIBRARIES_MAX] = {
  entry0, entry1, entry2, entry3, entry4, entry5, entry6, entry7
};

/* Of this library, for as long as the process lives; NULL when there are too many. */
static Entry entryFor(const sqlite3_api_routines *pApi){
  int i;
  pthread_mutex_lock(&gHw.mutex);
  for(i=0; i<HW_LIBRARIES_MAX && apApi[i]!=NULL && apApi[i]!=pApi; i++){}
  if( i<HW_LIBRARIES_MAX ) apApi[i] = pApi;
  pthread_mutex_unlock(&gHw.mutex);
  return i<HW_LIBRARIES_MAX ? aEntry[i] : NULL;
}

/* SQLite thread, on a connection whose main database is a mount.  An SQLite result code. */
int hwFunctionsRegister(sqlite3 *db, const sqlite3_api_routines *pApi){
  static const char *const azPrefix[] = { "litestream_", "headwater_" };
  Entry xEntry = entryFor(pApi);
  int rc = SQLITE_OK;
  size_t i, j;
  if( xEntry==NULL ) return SQLITE_OK;
  for(i=0; i<sizeof(aFunction)/sizeof(aFunction[0]); i++){
    for(j=0; j<2 && rc==SQLITE_OK; j++){
      char zName[HW_TIME_MAX];
      snprintf(zName, sizeof(zName), "%s%s", azPrefix[j], aFunction[i].zName);
      rc = pApi->create_function_v2(db, zName, aFunction[i].nArg, aFunction[i].flags,
        (void*)&aFunction[i], xEntry, NULL, NULL, NULL);
    }
  }
  return rc;
}
