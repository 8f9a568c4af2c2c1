/*
** trace_vfs.c -- which pages of a database SQLite asks for, in order.
**
** A loadable extension: the VFS "trace" is the default one, and notes the number of each page of
** which something is read from a main database through it, but for its header alone.  The SQL
** function page_trace() gives what was noted since it was last called, as a blob of 32-bit numbers
** in the machine's own order.  That is what a page cache below SQLite's own sees.  One thread only.
*/
#include <stdlib.h>
#include <string.h>
#include "sqlite3ext.h"
SQLITE_EXTENSION_INIT1

#define HEADER_SIZE 40               /* a page device knows so much without a page */

typedef struct TraceFile {
  sqlite3_file base;
  int bMain;
  unsigned pageSize;                 /* 0 until the header was read */
  sqlite3_file *pReal;               /* lies behind this */
} TraceFile;

static sqlite3_vfs *pBase;
static sqlite3_vfs traceVfs;
static unsigned *aPgno;
static size_t nPgno, nAlloc;

static void note(unsigned pgno){
  if( nPgno==nAlloc ){
    size_t n = nAlloc ? nAlloc*2 : 65536;
    unsigned *a = realloc(aPgno, n*sizeof(*a));
    if( a==NULL ) abort();
    aPgno = a;
    nAlloc = n;
  }
  aPgno[nPgno++] = pgno;
}

#define REAL(p) (((TraceFile*)(p))->pReal)
#define CALL(p) (REAL(p)->pMethods)

static int traceClose(sqlite3_file *p){ return CALL(p)->xClose(REAL(p)); }
static int traceRead(sqlite3_file *p, void *pOut, int n, sqlite3_int64 offset){
  TraceFile *pTrace = (TraceFile*)p;
  const unsigned char *a = pOut;
  int rc = CALL(p)->xRead(REAL(p), pOut, n, offset);
  if( !pTrace->bMain || rc!=SQLITE_OK ) return rc;
  if( offset==0 && n>=HEADER_SIZE ){
    pTrace->pageSize = (unsigned)a[16]<<8 | a[17];
    if( pTrace->pageSize==1 ) pTrace->pageSize = 65536;
  }
  if( offset+n>HEADER_SIZE && pTrace->pageSize!=0 ){
    note((unsigned)(offset/pTrace->pageSize)+1);
  }
  return rc;
}
static int traceWrite(sqlite3_file *p, const void *pIn, int n, sqlite3_int64 offset){
  return CALL(p)->xWrite(REAL(p), pIn, n, offset);
}
static int traceTruncate(sqlite3_file *p, sqlite3_int64 n){
  return CALL(p)->xTruncate(REAL(p), n);
}
static int traceSync(sqlite3_file *p, int flags){ return CALL(p)->xSync(REAL(p), flags); }
static int traceFileSize(sqlite3_file *p, sqlite3_int64 *pn){
  return CALL(p)->xFileSize(REAL(p), pn);
}
static int traceLock(sqlite3_file *p, int e){ return CALL(p)->xLock(REAL(p), e); }
static int traceUnlock(sqlite3_file *p, int e){ return CALL(p)->xUnlock(REAL(p), e); }
static int traceCheckReservedLock(sqlite3_file *p, int *pb){
  return CALL(p)->xCheckReservedLock(REAL(p), pb);
}
static int traceFileControl(sqlite3_file *p, int op, void *pArg){
  return CALL(p)->xFileControl(REAL(p), op, pArg);
}
static int traceSectorSize(sqlite3_file *p){ return CALL(p)->xSectorSize(REAL(p)); }
static int traceDeviceCharacteristics(sqlite3_file *p){
  return CALL(p)->xDeviceCharacteristics(REAL(p));
}

/* Version 1: no shared memory and no mapping, so that every page comes through xRead. */
static const sqlite3_io_methods traceMethods = {
  1, traceClose, traceRead, traceWrite, traceTruncate, traceSync, traceFileSize, traceLock,
  traceUnlock, traceCheckReservedLock, traceFileControl, traceSectorSize,
  traceDeviceCharacteristics, 0, 0, 0, 0, 0, 0
};

static int traceOpen(sqlite3_vfs *p, const char *z, sqlite3_file *pFile, int flags, int *pOut){
  TraceFile *pTrace = (TraceFile*)pFile;
  int rc;
  (void)p;
  pTrace->bMain = (flags & SQLITE_OPEN_MAIN_DB)!=0;
  pTrace->pageSize = 0;
  pTrace->pReal = (sqlite3_file*)&pTrace[1];
  rc = pBase->xOpen(pBase, z, pTrace->pReal, flags, pOut);
  pFile->pMethods = rc==SQLITE_OK ? &traceMethods : NULL;
  return rc;
}

static void pageTrace(sqlite3_context *pContext, int n, sqlite3_value **a){
  (void)n;
  (void)a;
  sqlite3_result_blob64(pContext, nPgno ? (void*)aPgno : "", nPgno*sizeof(*aPgno),
    SQLITE_TRANSIENT);
  nPgno = 0;
}

__attribute__((visibility("default")))
int sqlite3_tracevfs_init(sqlite3 *db, char **pzErr, const sqlite3_api_routines *pApi){
  int rc = SQLITE_OK;
  SQLITE_EXTENSION_INIT2(pApi);
  (void)pzErr;
  if( pBase==NULL ){
    pBase = sqlite3_vfs_find(NULL);
    traceVfs = *pBase;
    traceVfs.pNext = NULL;
    traceVfs.zName = "trace";
    traceVfs.szOsFile = (int)sizeof(TraceFile) + pBase->szOsFile;
    traceVfs.xOpen = traceOpen;
    rc = sqlite3_vfs_register(&traceVfs, 0);
  }
  if( rc==SQLITE_OK ){
    rc = sqlite3_create_function(db, "page_trace", 0, SQLITE_UTF8, NULL, pageTrace, NULL, NULL);
  }
  return rc==SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : rc;
}
