/*
** vfs.c -- the VFSes that each SQLite library in the process gets.
**
** "headwater" serves mounts, and the ordinary files that connections to them attach.  "litestream",
** where the process allows it, has what is opened mounted first.  The third is the default of its
** library; it takes names like "file:app.db?vfs=headwater" and hands every other to the VFS that
** was the default before, which opens the file in the same memory with its own methods: such files
** never pass here again.  Journals of mounts and temp files never reach the store.
*/
#include <stdlib.h>
#include "name.h"

static HwLibrary *libraryOf(sqlite3_vfs *pVfs){ return (HwLibrary*)pVfs->pAppData; }
static sqlite3_vfs *baseOf(sqlite3_vfs *pVfs){ return libraryOf(pVfs)->pBase; }

static int isMounted(const char *zMount){
  HwMount *pMount = hwMountFind(zMount);
  if( pMount==NULL ) return 0;
  hwMountRelease(pMount);
  return 1;
}

/* Whether a name that is not mounted here may be mounted by another copy of this package. */
static int isElsewhere(HwLibrary *pLibrary, const char *zName, int flags){
  char zMount[HW_NAME_MAX];
  if( pLibrary->pOther==NULL || (flags & SQLITE_OPEN_MAIN_DB)==0 || zName==NULL ) return 0;
  return hwNameToMount(zName, zMount, sizeof(zMount)) && !isMounted(zMount);
}

/* Of two copies, each takes any form of a name, and the first says that it is mounted nowhere. */
static int namedOpen(
  sqlite3_vfs *pVfs,
  sqlite3_filename zName,
  sqlite3_file *pFile,
  int flags,
  int *pOutFlags
){
  sqlite3_vfs *pOther = libraryOf(pVfs)->pOther;
  if( isElsewhere(libraryOf(pVfs), zName, flags) ){
    return pOther->xOpen(pOther, zName, pFile, flags, pOutFlags);
  }
  return hwFileOpen(libraryOf(pVfs), zName, pFile, flags, pOutFlags);
}

/*
** Whether a name is that of an ordinary file beside a mount.  SQLite opens what a connection
** attaches, and what VACUUM INTO writes, by the VFS of its main database unless a URI says
** otherwise: an absolute path that nobody has mounted.  zName may end in zSuffix.
*/
static int isOrdinary(const char *zName, const char *zSuffix){
  char zMount[HW_NAME_MAX];
  size_t n = zName ? strlen(zName) : 0, nSuffix = strlen(zSuffix);
  if( n==0 || zName[0]!='/' ) return 0;
  if( n>nSuffix && strcmp(zName+n-nSuffix, zSuffix)==0 ) n -= nSuffix;
  if( n>=sizeof(zMount) ) return 1;
  memcpy(zMount, zName, n);
  zMount[n] = 0;
  return !isMounted(zMount);
}

/* Of a name that says itself which VFS is meant, the answer is that it is not mounted. */
static int besideOpen(
  sqlite3_vfs *pVfs,
  sqlite3_filename zName,
  sqlite3_file *pFile,
  int flags,
  int *pOutFlags
){
  const sqlite3_api_routines *pApi = libraryOf(pVfs)->pApi;
  sqlite3_vfs *pBase = baseOf(pVfs);
  const char *zDb = NULL;
  int bBeside = 0;
  if( flags & SQLITE_OPEN_MAIN_DB ) zDb = zName;
  if( flags & (SQLITE_OPEN_MAIN_JOURNAL|SQLITE_OPEN_WAL) ) zDb = pApi->filename_database(zName);
  if( zDb!=NULL ) bBeside = isOrdinary(zDb, "") && pApi->uri_parameter(zDb, "vfs")==NULL;
  /* Where transactions of ordinary files are held together is read when one is rolled back. */
  if( (flags & SQLITE_OPEN_SUPER_JOURNAL) && !(flags & SQLITE_OPEN_CREATE) ){
    bBeside = isOrdinary(zName, "");
  }
  if( bBeside ) return pBase->xOpen(pBase, zName, pFile, flags, pOutFlags);
  return namedOpen(pVfs, zName, pFile, flags, pOutFlags);
}

static int askingOpen(
  sqlite3_vfs *pVfs,
  sqlite3_filename zName,
  sqlite3_file *pFile,
  int flags,
  int *pOutFlags
){
  if( flags & SQLITE_OPEN_MAIN_DB ){
    return hwFileAsk(libraryOf(pVfs), zName, pFile, flags, pOutFlags);
  }
  return hwFileOpen(libraryOf(pVfs), zName, pFile, flags, pOutFlags);
}

static int shimOpen(
  sqlite3_vfs *pVfs,
  sqlite3_filename zName,
  sqlite3_file *pFile,
  int flags,
  int *pOutFlags
){
  int eVfs = hwNameVfs(zName, flags & SQLITE_OPEN_MAIN_DB);
  if( eVfs!=HW_VFS_BASE && (flags & SQLITE_OPEN_MAIN_DB) && hwNameReadOnly(zName) ){
    flags = (flags & ~(SQLITE_OPEN_READWRITE|SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
  }
  switch( eVfs ){
    case HW_VFS_NAMED:
      return namedOpen(pVfs, zName, pFile, flags, pOutFlags);
    case HW_VFS_ASKING:
      return askingOpen(pVfs, zName, pFile, flags, pOutFlags);
    default:
      return baseOf(pVfs)->xOpen(baseOf(pVfs), zName, pFile, flags, pOutFlags);
  }
}

/* A mount has no files beside it, and so nothing to delete or to find. */
static int namedDelete(sqlite3_vfs *pVfs, const char *zName, int syncDir){
  (void)pVfs;
  (void)zName;
  (void)syncDir;
  return SQLITE_OK;
}

static int namedAccess(sqlite3_vfs *pVfs, const char *zName, int flags, int *pOut){
  (void)pVfs;
  (void)zName;
  (void)flags;
  *pOut = 0;
  return SQLITE_OK;
}

static int namedFullPathname(sqlite3_vfs *pVfs, const char *zName, int nOut, char *zOut){
  size_t n = strlen(zName);
  (void)pVfs;
  if( n>=(size_t)nOut ) return SQLITE_CANTOPEN;
  memcpy(zOut, zName, n+1);
  return SQLITE_OK;
}

static int shimDelete(sqlite3_vfs *pVfs, const char *zName, int syncDir){
  if( hwNameVfs(zName, 0) ) return SQLITE_OK;
  return baseOf(pVfs)->xDelete(baseOf(pVfs), zName, syncDir);
}

static int shimAccess(sqlite3_vfs *pVfs, const char *zName, int flags, int *pOut){
  if( hwNameVfs(zName, 0) ) return namedAccess(pVfs, zName, flags, pOut);
  return baseOf(pVfs)->xAccess(baseOf(pVfs), zName, flags, pOut);
}

/* Longer names than the other VFS takes are for ours alone: it has buffers of that size. */
static int shimFullPathname(sqlite3_vfs *pVfs, const char *zName, int nOut, char *zOut){
  sqlite3_vfs *pBase = baseOf(pVfs);
  int nMax = pBase->mxPathname+1;
  int rc;
  if( hwNameVfs(zName, 0) ) return namedFullPathname(pVfs, zName, nOut, zOut);
  rc = pBase->xFullPathname(pBase, zName, nOut<nMax ? nOut : nMax, zOut);
  /* SQLite checks the room for "-journal" by the number of the VFS that it called. */
  return strlen(zOut)+8>(size_t)pBase->mxPathname ? SQLITE_CANTOPEN : rc;
}

/* The three for files beside a mount.  A journal, or a WAL, is where its database is. */
static int isOrdinaryOrBeside(const char *zName){
  return isOrdinary(zName, "-journal") && isOrdinary(zName, "-wal");
}

static int besideDelete(sqlite3_vfs *pVfs, const char *zName, int syncDir){
  if( !isOrdinaryOrBeside(zName) ) return SQLITE_OK;
  return baseOf(pVfs)->xDelete(baseOf(pVfs), zName, syncDir);
}

static int besideAccess(sqlite3_vfs *pVfs, const char *zName, int flags, int *pOut){
  if( !isOrdinaryOrBeside(zName) ) return namedAccess(pVfs, zName, flags, pOut);
  return baseOf(pVfs)->xAccess(baseOf(pVfs), zName, flags, pOut);
}

static int besideFullPathname(sqlite3_vfs *pVfs, const char *zName, int nOut, char *zOut){
  if( !isOrdinary(zName, "") ) return namedFullPathname(pVfs, zName, nOut, zOut);
  return shimFullPathname(pVfs, zName, nOut, zOut);
}

static void *baseDlOpen(sqlite3_vfs *pVfs, const char *zName){
  return baseOf(pVfs)->xDlOpen(baseOf(pVfs), zName);
}

static void baseDlError(sqlite3_vfs *pVfs, int n, char *z){
  baseOf(pVfs)->xDlError(baseOf(pVfs), n, z);
}

static void (*baseDlSym(sqlite3_vfs *pVfs, void *pHandle, const char *zSymbol))(void){
  return baseOf(pVfs)->xDlSym(baseOf(pVfs), pHandle, zSymbol);
}

static void baseDlClose(sqlite3_vfs *pVfs, void *pHandle){
  baseOf(pVfs)->xDlClose(baseOf(pVfs), pHandle);
}

static int baseRandomness(sqlite3_vfs *pVfs, int n, char *z){
  return baseOf(pVfs)->xRandomness(baseOf(pVfs), n, z);
}

static int baseSleep(sqlite3_vfs *pVfs, int microseconds){
  return baseOf(pVfs)->xSleep(baseOf(pVfs), microseconds);
}

static int baseCurrentTime(sqlite3_vfs *pVfs, double *pOut){
  return baseOf(pVfs)->xCurrentTime(baseOf(pVfs), pOut);
}

static int baseGetLastError(sqlite3_vfs *pVfs, int n, char *z){
  return baseOf(pVfs)->xGetLastError(baseOf(pVfs), n, z);
}

static int baseCurrentTimeInt64(sqlite3_vfs *pVfs, sqlite3_int64 *pOut){
  return baseOf(pVfs)->xCurrentTimeInt64(baseOf(pVfs), pOut);
}

static void fillVfs(HwLibrary *pLibrary, sqlite3_vfs *pVfs, const char *zName){
  sqlite3_vfs *pBase = pLibrary->pBase;
  int szFile = (int)sizeof(HwFile);
  if( szFile<hwMemFileSize() ) szFile = hwMemFileSize();
  if( szFile<pBase->szOsFile ) szFile = pBase->szOsFile;
  if( pLibrary->pOther!=NULL && szFile<pLibrary->pOther->szOsFile ){
    szFile = pLibrary->pOther->szOsFile;
  }
  memset(pVfs, 0, sizeof(*pVfs));
  pVfs->iVersion = 2;
  pVfs->szOsFile = szFile;
  pVfs->mxPathname = pBase->mxPathname>HW_URI_MAX ? pBase->mxPathname : HW_URI_MAX;
  pVfs->zName = zName;
  pVfs->pAppData = pLibrary;
  pVfs->xOpen = namedOpen;
  pVfs->xDelete = namedDelete;
  pVfs->xAccess = namedAccess;
  pVfs->xFullPathname = namedFullPathname;
  pVfs->xDlOpen = baseDlOpen;
  pVfs->xDlError = baseDlError;
  pVfs->xDlSym = baseDlSym;
  pVfs->xDlClose = baseDlClose;
  pVfs->xRandomness = baseRandomness;
  pVfs->xSleep = baseSleep;
  pVfs->xCurrentTime = baseCurrentTime;
  pVfs->xGetLastError = baseGetLastError;
  pVfs->xCurrentTimeInt64 = baseCurrentTimeInt64;
}

/* The record of a library, made when there is none.  Under gHw.mutex. */
static HwLibrary *libraryFor(const sqlite3_api_routines *pApi){
  HwLibrary *p;
  for(p=gHw.pLibraries; p!=NULL && p->pApi!=pApi; p=p->pNext){}
  if( p==NULL && (p = calloc(1, sizeof(*p)))!=NULL ){
    p->pApi = pApi;
    p->pNext = gHw.pLibraries;
    gHw.pLibraries = p;
  }
  return p;
}

/*
** Whether a library has this VFS.  It is looked for in the list, which begins with the default: by
** its name, the one of another copy of this package may be found, which came later.
*/
static int isRegistered(const sqlite3_api_routines *pApi, const sqlite3_vfs *pVfs){
  const sqlite3_vfs *p = pApi->vfs_find(NULL);
  sqlite3_mutex *pMutex = pApi->mutex_alloc(SQLITE_MUTEX_STATIC_MAIN);
  pApi->mutex_enter(pMutex);
  while( p!=NULL && p!=pVfs ) p = p->pNext;
  pApi->mutex_leave(pMutex);
  return p!=NULL;
}

static int registerDefault(HwLibrary *p){
  const sqlite3_api_routines *pApi = p->pApi;
  int rc;
  p->pBase = pApi->vfs_find(NULL);
  if( p->pBase==NULL ) return SQLITE_ERROR;
  p->pOther = pApi->vfs_find("headwater");
  fillVfs(p, &p->named, "headwater");
  p->named.xOpen = besideOpen;
  p->named.xDelete = besideDelete;
  p->named.xAccess = besideAccess;
  p->named.xFullPathname = besideFullPathname;
  fillVfs(p, &p->shim, "headwater-default");
  p->shim.xOpen = shimOpen;
  p->shim.xDelete = shimDelete;
  p->shim.xAccess = shimAccess;
  p->shim.xFullPathname = shimFullPathname;
  rc = pApi->vfs_register(&p->named, 0);
  if( rc==SQLITE_OK ) rc = pApi->vfs_register(&p->shim, 1);
  return rc;
}

static int registerAsking(HwLibrary *p){
  fillVfs(p, &p->asking, "litestream");
  p->asking.xOpen = askingOpen;
  return p->pApi->vfs_register(&p->asking, 0);
}

/*
** Any thread.  Registers the VFSes with the library that pApi belongs to, once: two threads at it
** together would take our own default for the one before it.  A library that was unloaded and
** loaded again at the same address has forgotten us, so it is asked, not recalled.
*/
int hwLibraryRegister(const sqlite3_api_routines *pApi, HwLibrary **ppOut){
  static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
  HwLibrary *p;
  int rc = SQLITE_NOMEM;
  pthread_mutex_lock(&gHw.mutex);
  p = libraryFor(pApi);
  pthread_mutex_unlock(&gHw.mutex);
  pthread_mutex_lock(&once);
  if( p!=NULL ){
    rc = isRegistered(pApi, &p->named) ? SQLITE_OK : registerDefault(p);
    if( rc==SQLITE_OK && hwAskAllowed() && !isRegistered(pApi, &p->asking) ){
      rc = registerAsking(p);
    }
  }
  pthread_mutex_unlock(&once);
  *ppOut = p;
  return rc;
}
