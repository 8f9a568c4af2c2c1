/*
** mem_file.c -- SQLite's rollback journal for a mount: in memory, then in a temp file when large.
**
** It is never needed after a crash (a transaction that did not reach its commit record never
** happened), so it has no name, and it never touches the store.
**
** A super-journal, which holds the transactions of several files together, is kept the same way
** when its main database is a mount.  An ordinary file could not be rolled back after a crash then:
** its journal would name a super-journal that nobody finds.  So it takes the names of mounts only.
*/
#include <stdlib.h>
#include "name.h"

#define CHUNK_SIZE 16384

typedef struct MemFile {
  const sqlite3_io_methods *pMethods;
  HwLibrary *pLibrary;
  int bSuper;                        /* a super-journal: takes names of mounts only */
  sqlite3_file *pReal;               /* the temp file, once too large for memory */
  u8 **apChunk;
  u32 nChunk;
  i64 size;
} MemFile;

static void freeChunks(MemFile *p){
  u32 i;
  for(i=0; i<p->nChunk; i++) free(p->apChunk[i]);
  free(p->apChunk);
  p->apChunk = NULL;
  p->nChunk = 0;
}

static int memClose(sqlite3_file *pFile){
  MemFile *p = (MemFile*)pFile;
  if( p->pReal!=NULL ){
    p->pReal->pMethods->xClose(p->pReal);
    free(p->pReal);
  }
  freeChunks(p);
  return SQLITE_OK;
}

static int memRead(sqlite3_file *pFile, void *pOut, int n, sqlite3_int64 offset){
  MemFile *p = (MemFile*)pFile;
  u8 *z = pOut;
  int nLeft = n;
  if( p->pReal!=NULL ) return p->pReal->pMethods->xRead(p->pReal, pOut, n, offset);
  if( offset+n>p->size ){
    memset(pOut, 0, n);
    nLeft = offset<p->size ? (int)(p->size-offset) : 0;
  }
  while( nLeft>0 ){
    u32 iChunk = (u32)(offset/CHUNK_SIZE);
    int iAt = (int)(offset%CHUNK_SIZE);
    int nCopy = CHUNK_SIZE-iAt<nLeft ? CHUNK_SIZE-iAt : nLeft;
    memcpy(z, p->apChunk[iChunk]+iAt, nCopy);
    z += nCopy;
    offset += nCopy;
    nLeft -= nCopy;
  }
  return z==(u8*)pOut+n ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

/* From memory to a temp file of the base VFS, which deletes it on close. */
static int spill(MemFile *p){
  sqlite3_vfs *pBase = p->pLibrary->pBase;
  int flags = SQLITE_OPEN_READWRITE|SQLITE_OPEN_CREATE|SQLITE_OPEN_EXCLUSIVE
            | SQLITE_OPEN_TEMP_JOURNAL|SQLITE_OPEN_DELETEONCLOSE;
  sqlite3_file *pReal = calloc(1, pBase->szOsFile);
  i64 offset;
  int rc;
  if( pReal==NULL ) return SQLITE_IOERR_NOMEM;
  rc = pBase->xOpen(pBase, NULL, pReal, flags, &flags);
  for(offset=0; rc==SQLITE_OK && offset<p->size; offset += CHUNK_SIZE){
    int n = p->size-offset<CHUNK_SIZE ? (int)(p->size-offset) : CHUNK_SIZE;
    rc = pReal->pMethods->xWrite(pReal, p->apChunk[offset/CHUNK_SIZE], n, offset);
  }
  if( rc!=SQLITE_OK ){
    if( pReal->pMethods!=NULL ) pReal->pMethods->xClose(pReal);
    free(pReal);
    return rc;
  }
  p->pReal = pReal;
  freeChunks(p);
  return SQLITE_OK;
}

static int growTo(MemFile *p, i64 size){
  u32 nNeed = (u32)((size+CHUNK_SIZE-1)/CHUNK_SIZE);
  u8 **ap;
  if( nNeed<=p->nChunk ) return 1;
  ap = realloc(p->apChunk, nNeed*sizeof(u8*));
  if( ap==NULL ) return 0;
  p->apChunk = ap;
  while( p->nChunk<nNeed ){
    ap[p->nChunk] = malloc(CHUNK_SIZE);
    if( ap[p->nChunk]==NULL ) return 0;
    p->nChunk++;
  }
  return 1;
}

/* SQLite writes the names of the journals that belong together, each with its zero. */
static int isJournalOfMount(const char *z, int n){
  static const char zSuffix[] = "-journal";
  char zName[HW_NAME_MAX*2], zMount[HW_NAME_MAX];
  size_t nName = n>0 && z[n-1]==0 ? strlen(z) : 0;
  HwMount *pMount;
  if( nName<sizeof(zSuffix) || nName>=sizeof(zName) ) return 0;
  memcpy(zName, z, nName+1);
  if( strcmp(zName+nName-(sizeof(zSuffix)-1), zSuffix)!=0 ) return 0;
  zName[nName-(sizeof(zSuffix)-1)] = 0;
  if( !hwNameToMount(zName, zMount, sizeof(zMount)) ) return 0;
  pMount = hwMountFind(zMount);
  if( pMount==NULL ) return 0;
  hwMountRelease(pMount);
  return 1;
}

static int memWrite(sqlite3_file *pFile, const void *pIn, int n, sqlite3_int64 offset){
  MemFile *p = (MemFile*)pFile;
  const u8 *z = pIn;
  if( p->bSuper && !isJournalOfMount(pIn, n) ) return SQLITE_IOERR_WRITE;
  if( p->pReal==NULL && offset+n>HW_MEMFILE_MAX ){
    int rc = spill(p);
    if( rc!=SQLITE_OK ) return rc;
  }
  if( p->pReal!=NULL ) return p->pReal->pMethods->xWrite(p->pReal, pIn, n, offset);
  if( !growTo(p, offset+n) ) return SQLITE_IOERR_NOMEM;
  if( offset+n>p->size ) p->size = offset+n;
  while( n>0 ){
    int iAt = (int)(offset%CHUNK_SIZE);
    int nCopy = CHUNK_SIZE-iAt<n ? CHUNK_SIZE-iAt : n;
    memcpy(p->apChunk[offset/CHUNK_SIZE]+iAt, z, nCopy);
    z += nCopy;
    offset += nCopy;
    n -= nCopy;
  }
  return SQLITE_OK;
}

static int memTruncate(sqlite3_file *pFile, sqlite3_int64 size){
  MemFile *p = (MemFile*)pFile;
  if( p->pReal!=NULL ) return p->pReal->pMethods->xTruncate(p->pReal, size);
  if( size<p->size ) p->size = size;
  return SQLITE_OK;
}

static int memSync(sqlite3_file *pFile, int flags){
  (void)pFile;
  (void)flags;
  return SQLITE_OK;
}

static int memFileSize(sqlite3_file *pFile, sqlite3_int64 *pSize){
  MemFile *p = (MemFile*)pFile;
  if( p->pReal!=NULL ) return p->pReal->pMethods->xFileSize(p->pReal, pSize);
  *pSize = p->size;
  return SQLITE_OK;
}

static int memLock(sqlite3_file *pFile, int eLock){
  (void)pFile;
  (void)eLock;
  return SQLITE_OK;
}

static int memCheckReservedLock(sqlite3_file *pFile, int *pOut){
  (void)pFile;
  *pOut = 0;
  return SQLITE_OK;
}

static int memFileControl(sqlite3_file *pFile, int op, void *pArg){
  (void)pFile;
  (void)op;
  (void)pArg;
  return SQLITE_NOTFOUND;
}

static int memSectorSize(sqlite3_file *pFile){
  (void)pFile;
  return 512;
}

static int memDeviceCharacteristics(sqlite3_file *pFile){
  (void)pFile;
  return SQLITE_IOCAP_SAFE_APPEND|SQLITE_IOCAP_SEQUENTIAL|SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods memMethods = {
  1,                                 /* iVersion */
  memClose,
  memRead,
  memWrite,
  memTruncate,
  memSync,
  memFileSize,
  memLock,
  memLock,                           /* xUnlock */
  memCheckReservedLock,
  memFileControl,
  memSectorSize,
  memDeviceCharacteristics,
  0, 0, 0, 0,                        /* no shared memory */
  0, 0                               /* no mmap */
};

/* SQLite thread. */
int hwMemFileOpen(HwLibrary *pLibrary, sqlite3_file *pFile, int flags, int *pOutFlags){
  MemFile *p = (MemFile*)pFile;
  memset(p, 0, sizeof(*p));
  p->pMethods = &memMethods;
  p->pLibrary = pLibrary;
  if( pOutFlags!=NULL ) *pOutFlags = flags;
  return SQLITE_OK;
}

/* SQLite thread. */
int hwSuperJournalOpen(HwLibrary *pLibrary, sqlite3_file *pFile, int flags, int *pOutFlags){
  int rc = hwMemFileOpen(pLibrary, pFile, flags, pOutFlags);
  ((MemFile*)pFile)->bSuper = 1;
  return rc;
}

int hwMemFileSize(void){ return (int)sizeof(MemFile); }
