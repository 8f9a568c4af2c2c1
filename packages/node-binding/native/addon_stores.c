/*
** addon_stores.c -- the engine's hands on a mount's page cache, journal, local image and locks.
**
** Called on the engine thread only.
*/
#include <errno.h>
#include <stdlib.h>
#include "addon.h"

/* ---- the page cache ---- */

static void onCacheGone(napi_env env, void *pData, void *pHint){
  (void)env;
  (void)pData;
  hwCacheMemoryUnref(pHint);
}

/* cacheReserve(id, bytes, bytesMax) -> bytes that there may ever be */
static napi_value cacheReserve(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  if( pMount==NULL ) return NULL;
  if( pMount->pCacheMemory!=NULL ) return hwThrowErrno(env, EBUSY, "the page cache exists");
  pMount->pCacheMemory = hwCacheMemoryNew((size_t)hwNumberAt(&args, 1),
    (size_t)hwNumberAt(&args, 2));
  if( pMount->pCacheMemory==NULL ){
    return hwThrowErrno(env, ENOMEM, "cannot reserve addresses for the page cache");
  }
  return hwNumber(env, (double)pMount->pCacheMemory->n);
}

/* The cache's memory that the arguments (id, from, end) are about, and the bytes of it.  NULL, and
** an error that says what cannot be done, when it has no such bytes. */
static HwCacheMemory *cacheBytesAt(HwArgs *p, size_t *piFrom, size_t *piEnd, const char *zWhat){
  HwMount *pMount = hwMountAt(p, 0);
  HwCacheMemory *pMemory;
  if( pMount==NULL ) return NULL;
  pMemory = pMount->pCacheMemory;
  *piFrom = (size_t)hwNumberAt(p, 1);
  *piEnd = (size_t)hwNumberAt(p, 2);
  if( pMemory!=NULL && *piFrom<*piEnd && *piEnd<=pMemory->n ) return pMemory;
  hwThrowErrno(p->env, EINVAL, zWhat);
  return NULL;
}

/* cacheExtend(id, from, end) */
static napi_value cacheExtend(napi_env env, napi_callback_info info){
  static const char zWhat[] = "cannot extend the page cache";
  HwArgs args = hwArgs(env, info);
  size_t iFrom, iEnd;
  HwCacheMemory *p = cacheBytesAt(&args, &iFrom, &iEnd, zWhat);
  if( p==NULL || hwCacheMemoryExtend(p, iFrom, iEnd) ) return NULL;
  return hwThrowErrno(env, ENOMEM, zWhat);
}

/* cacheBuffer(id, from, end) -> ArrayBuffer of these bytes */
static napi_value cacheBuffer(napi_env env, napi_callback_info info){
  static const char zWhat[] = "cannot share the page cache";
  HwArgs args = hwArgs(env, info);
  size_t iFrom, iEnd;
  HwCacheMemory *p = cacheBytesAt(&args, &iFrom, &iEnd, zWhat);
  napi_value buffer = NULL;
  if( p==NULL ) return NULL;
  atomic_fetch_add(&p->refs, 1);
  if( napi_create_external_arraybuffer(env, p->p+iFrom, iEnd-iFrom, onCacheGone, p, &buffer)
      !=napi_ok ){
    hwCacheMemoryUnref(p);
    return hwThrowErrno(env, ENOTSUP, zWhat);
  }
  return buffer;
}

/* cacheRelease(id, from, end) */
static napi_value cacheRelease(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  size_t iFrom, iEnd;
  HwCacheMemory *p = cacheBytesAt(&args, &iFrom, &iEnd, "cannot release the page cache");
  if( p!=NULL ) hwCacheMemoryRelease(p, iFrom, iEnd);
  return NULL;
}

static napi_value cachePublish(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  if( pMount==NULL ) return NULL;
  atomic_store_explicit(&pMount->pCache, pMount->pCacheMemory, memory_order_release);
  return NULL;
}

/* ---- the journal ---- */

/* journalRecover(id, path, adopt) -> what it holds */
static napi_value journalRecover(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  char zPath[4096], zErr[HW_REASON_MAX + sizeof(zPath)];
  HwRecovered out;
  napi_value object = NULL;
  if( pMount==NULL ) return NULL;
  hwTextAt(&args, 1, zPath, sizeof(zPath));
  if( !hwSegmentRecover(pMount, zPath, hwBoolAt(&args, 2), &out, zErr, sizeof(zErr)) ){
    return hwThrow(env, "HEADWATER_JOURNAL", zErr);
  }
  napi_create_object(env, &object);
  hwSetBig(env, object, "baseTxid", out.baseTxid);
  hwSetNumber(env, object, "pageSize", out.pageSize);
  hwSetNumber(env, object, "firstSeq", (double)out.firstSeq);
  hwSetNumber(env, object, "lastSeq", (double)out.lastSeq);
  hwSetNumber(env, object, "pageCount", out.pageCount);
  return object;
}

/* journalRotate(id, path, baseTxid) -> boolean */
static napi_value journalRotate(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  char zPath[4096];
  int rc;
  if( pMount==NULL ) return NULL;
  hwTextAt(&args, 1, zPath, sizeof(zPath));
  rc = hwSegmentRotate(pMount, zPath, hwBigAt(&args, 2));
  if( rc<0 ) return hwThrowErrno(env, errno, "cannot start a journal segment");
  return hwBoolean(env, rc);
}

/* journalCollect(id, afterSeq, stagedSeq) -> { seq, pageCount, pageSize, pgnos } | undefined */
static napi_value journalCollect(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  HwState state;
  napi_value object = NULL, array;
  void *pOut;
  u32 n, *a;
  if( pMount==NULL ) return NULL;
  a = hwSegmentCollect(pMount, hwSeqAt(&args, 1), hwSeqAt(&args, 2), &state, &n);
  if( a==NULL ) return n ? hwThrowErrno(env, ENOMEM, "cannot collect the journal") : NULL;
  pOut = hwNewArray(env, napi_uint32_array, n, sizeof(u32), &array);
  if( n && pOut!=NULL ) memcpy(pOut, a, n*sizeof(u32));
  free(a);
  if( array==NULL ) return NULL;
  napi_create_object(env, &object);
  hwSetNumber(env, object, "seq", (double)state.seq);
  hwSetNumber(env, object, "pageCount", state.pageCount);
  hwSetNumber(env, object, "pageSize", atomic_load(&pMount->pageSize));
  napi_set_named_property(env, object, "pgnos", array);
  return object;
}

/*
** journalRead(id, pgnos, seq, out)
**
** Of a staged commit only while it is staged; a thread that stops waiting because the engine ends
** takes its commit back without asking.
*/
static napi_value journalRead(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  HwSegmentList *pList;
  size_t nPgno, nOut, i;
  u32 *aPgno = hwBytesAt(&args, 1, &nPgno);
  u64 seq = hwSeqAt(&args, 2);
  u8 *pOut = hwBytesAt(&args, 3, &nOut);
  u32 pageSize;
  int bStaged, bThere, rc = 1;
  if( pMount==NULL ) return NULL;
  nPgno /= sizeof(u32);
  pageSize = atomic_load(&pMount->pageSize);
  if( nOut<nPgno*pageSize ) return hwThrowErrno(env, EINVAL, "the output is too small");
  pthread_mutex_lock(&pMount->mutex);
  pList = hwSegmentListRef(pMount->pSegments);
  bStaged = seq>pMount->state.seq;
  pthread_mutex_unlock(&pMount->mutex);
  for(i=0; i<nPgno && rc==1; i++){
    rc = hwSegmentRead(pList, aPgno[i], seq, pageSize, pOut + i*pageSize);
  }
  pthread_mutex_lock(&pMount->mutex);
  hwSegmentListUnref(pList);
  bThere = seq<=pMount->state.seq || seq==pMount->stagedSeq;
  pthread_mutex_unlock(&pMount->mutex);
  if( !bThere || (bStaged && !hwEngineAlive()) ){
    return hwThrowErrno(env, ESTALE, "the commit was taken back");
  }
  if( rc!=1 ) return hwThrowErrno(env, rc ? errno : ENOENT, "cannot read the journal");
  return NULL;
}

/* journalRetire(id, seq) -> paths */
static napi_value journalRetire(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  char **az = NULL;
  napi_value array = NULL, path = NULL;
  int n, i;
  if( pMount==NULL ) return NULL;
  n = hwSegmentRetire(pMount, hwSeqAt(&args, 1), &az);
  if( n<0 ) return hwThrowErrno(env, ENOMEM, "cannot retire journal segments");
  napi_create_array_with_length(env, n, &array);
  for(i=0; i<n; i++){
    napi_create_string_utf8(env, az[i], NAPI_AUTO_LENGTH, &path);
    napi_set_element(env, array, i, path);
    free(az[i]);
  }
  free(az);
  return array;
}

/* journalEnd(id) -> path | undefined: of a segment that nobody has written to */
static napi_value journalEnd(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  napi_value path = NULL;
  char *z = pMount ? hwSegmentEndJournal(pMount) : NULL;
  if( z!=NULL ) napi_create_string_utf8(env, z, NAPI_AUTO_LENGTH, &path);
  free(z);
  return path;
}

static napi_value journalBytes(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  return pMount ? hwNumber(env, (double)hwSegmentBytes(pMount)) : NULL;
}

static napi_value journalFsync(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  int err = pMount ? hwSegmentSync(pMount) : 0;
  return err ? hwThrowErrno(env, err, "cannot flush the journal") : NULL;
}

/* Asks for a notice at the next commit; the newest seq. */
static napi_value journalArmNotice(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  u64 seq;
  if( pMount==NULL ) return NULL;
  pthread_mutex_lock(&pMount->mutex);
  pMount->bNotice = 1;
  seq = pMount->state.seq;
  pthread_mutex_unlock(&pMount->mutex);
  return hwNumber(env, (double)seq);
}

/* ---- the local image ---- */

/* imageOpen(id, path, stays) */
static napi_value imageOpen(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  char zPath[4096];
  int err;
  if( pMount==NULL ) return NULL;
  hwTextAt(&args, 1, zPath, sizeof(zPath));
  err = hwImageOpen(pMount, zPath, hwBoolAt(&args, 2));
  return err ? hwThrowErrno(env, err, "cannot open the local image") : NULL;
}

/* imageMark(id, pgnos, present) */
static napi_value imageMark(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  size_t n;
  u32 *aPgno = hwBytesAt(&args, 1, &n);
  int err;
  if( pMount==NULL ) return NULL;
  err = hwImageMark(pMount, aPgno, n/sizeof(u32), hwBoolAt(&args, 2));
  return err ? hwThrowErrno(env, err, "cannot mark pages of the local image") : NULL;
}

/* imageTell(id, permille) */
static napi_value imageTell(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  if( pMount!=NULL ) hwImageTell(pMount, (int)hwNumberAt(&args, 1));
  return NULL;
}

static napi_value imageClose(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  if( pMount!=NULL ) hwImageClose(pMount);
  return NULL;
}

/* ---- locks of files ---- */

/* fileLock(path, text) -> number | undefined when somebody else has it */
static napi_value fileLock(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  char zPath[4096], zText[HW_REASON_MAX];
  int fd;
  hwTextAt(&args, 0, zPath, sizeof(zPath));
  hwTextAt(&args, 1, zText, sizeof(zText));
  fd = hwFileLock(zPath, zText);
  if( fd>=0 ) return hwNumber(env, fd);
  return errno==EWOULDBLOCK ? NULL : hwThrowErrno(env, errno, "cannot lock a file");
}

static napi_value fileUnlock(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  hwFileUnlock((int)hwNumberAt(&args, 0));
  return NULL;
}

const HwFunction aHwStoreFunction[] = {
  { "fileLock", fileLock },
  { "fileUnlock", fileUnlock },
  { "cacheReserve", cacheReserve },
  { "cacheExtend", cacheExtend },
  { "cacheBuffer", cacheBuffer },
  { "cacheRelease", cacheRelease },
  { "cachePublish", cachePublish },
  { "journalRecover", journalRecover },
  { "journalRotate", journalRotate },
  { "journalCollect", journalCollect },
  { "journalRead", journalRead },
  { "journalRetire", journalRetire },
  { "journalEnd", journalEnd },
  { "journalBytes", journalBytes },
  { "journalFsync", journalFsync },
  { "journalArmNotice", journalArmNotice },
  { "imageOpen", imageOpen },
  { "imageTell", imageTell },
  { "imageMark", imageMark },
  { "imageClose", imageClose },
};
const int nHwStoreFunction = sizeof(aHwStoreFunction)/sizeof(aHwStoreFunction[0]);
