/*
** addon.c -- the engine's half of the binary, for Node.  No SQLite calls.
**
** Every function but init, engineAlive, engineNumber, exiting, askAllow, releaseFreed and the
** codec's is called on the engine thread only (the worker that called engineStart).  A mount is
** named by the number that mountCreate gave; the engine holds a reference to it until mountClose.
** Sequence numbers are JavaScript numbers, txids are bigints.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#ifdef __GLIBC__
# include <malloc.h>
#endif
#include "addon.h"

#define TAKE_MAX 256

/* One engine ends wholly before the next begins: mounts and locks of files are the process's. */
static pthread_mutex_t gLife = PTHREAD_MUTEX_INITIALIZER;

/* Set while the engine's environment is up; used under the queue's lock only. */
static napi_threadsafe_function gWake;
static atomic_int gWakePending;

static void wake(void){
  if( atomic_exchange(&gWakePending, 1)==0 ){
    napi_call_threadsafe_function(gWake, NULL, napi_tsfn_nonblocking);
  }
}

/* ---- the engine ---- */

static void onEngineEnds(void *pArg){
  (void)pArg;
  pthread_mutex_lock(&gLife);
  hwEngineStop();
  hwMountCloseAll("the engine has stopped; open the database again");
  hwFileUnlockAll();
  pthread_mutex_unlock(&gLife);
}

/* Under gLife.  NULL, or why there is no engine. */
static const char *startEngine(napi_env env, napi_value onWake){
  napi_value name = NULL;
  if( hwEngineAlive() ) return "an engine runs already";
  napi_create_string_utf8(env, "headwater", NAPI_AUTO_LENGTH, &name);
  if( napi_create_threadsafe_function(env, onWake, NULL, name, 0, 1, NULL, NULL, NULL, NULL,
        &gWake)!=napi_ok ){
    return "cannot create the engine's wake-up";
  }
  atomic_store(&gWakePending, 0);
  hwEngineStart(wake);
  napi_add_env_cleanup_hook(env, onEngineEnds, NULL);
  return NULL;
}

static napi_value engineStart(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  const char *zWhy;
  pthread_mutex_lock(&gLife);
  zWhy = startEngine(env, args.a[0]);
  pthread_mutex_unlock(&gLife);
  return zWhy ? hwThrow(env, "HEADWATER_NATIVE", zWhy) : NULL;
}

static napi_value engineAlive(napi_env env, napi_callback_info info){
  (void)info;
  return hwBoolean(env, hwEngineAlive());
}

/* engineNumber() -> number of the engine that is alive, never given twice; 0 when none is */
static napi_value engineNumber(napi_env env, napi_callback_info info){
  (void)info;
  return hwNumber(env, hwEngineNumber());
}

/* The process is about to end: nobody may wait any longer. */
static napi_value exiting(napi_env env, napi_callback_info info){
  (void)env;
  (void)info;
  hwEngineStop();
  return NULL;
}

/* A Float64Array of 5 numbers per request: kind, mount, id, pgno, seq.  Those of an engine that is
** being terminated get no answer: its end fails them. */
static napi_value takeRequests(napi_env env, napi_callback_info info){
  HwTaken aTaken[TAKE_MAX];
  double *aOut;
  napi_value array = NULL;
  u32 n, i;
  (void)info;
  atomic_store(&gWakePending, 0);
  n = hwRequestsTake(aTaken, TAKE_MAX);
  aOut = hwNewArray(env, napi_float64_array, n*5, sizeof(double), &array);
  for(i=0; i<n && aOut!=NULL; i++){
    aOut[i*5] = aTaken[i].eKind;
    aOut[i*5+1] = aTaken[i].mountId;
    aOut[i*5+2] = (double)aTaken[i].id;
    aOut[i*5+3] = aTaken[i].pgno;
    aOut[i*5+4] = (double)aTaken[i].seq;
  }
  return array;
}

/* answer(id, resultCode, bytes | undefined, message | undefined) */
static napi_value answer(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  char z[HW_REASON_MAX];
  size_t n;
  void *p = hwBytesAt(&args, 2, &n);
  hwTextAt(&args, 3, z, sizeof(z));
  hwRequestAnswer((u64)hwNumberAt(&args, 0), (int)hwNumberAt(&args, 1), p, n, z);
  return NULL;
}

/* ---- mounts ---- */

/* mountCreate(name, write, pageSize, timeoutMs, seq, txid, pageCount, changeCounter,
** journalBytesMax, remote) -> id */
static napi_value mountCreate(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  char zName[HW_NAME_MAX];
  HwState state;
  HwMount *pMount;
  hwTextAt(&args, 0, zName, sizeof(zName));
  memset(&state, 0, sizeof(state));
  state.seq = hwSeqAt(&args, 4);
  state.txid = hwBigAt(&args, 5);
  state.pageCount = hwU32At(&args, 6);
  state.changeCounter = hwU32At(&args, 7);
  pMount = hwMountCreate(zName, hwBoolAt(&args, 1), hwU32At(&args, 2), hwU32At(&args, 3), state);
  if( pMount==NULL ) return hwThrowErrno(env, ENOMEM, "cannot mount");
  hwMountSetCommits(pMount, (i64)hwNumberAt(&args, 8), hwBoolAt(&args, 9));
  return hwNumber(env, pMount->id);
}

static napi_value mountActivate(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  return pMount ? hwBoolean(env, hwMountActivate(pMount)) : NULL;
}

/* mountClose(id, reason): the engine's last word about it. */
static napi_value mountClose(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  char z[HW_REASON_MAX];
  if( pMount==NULL ) return NULL;
  hwTextAt(&args, 1, z, sizeof(z));
  hwMountClose(pMount, z);
  hwMountRelease(pMount);
  return NULL;
}

static napi_value mountState(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  HwState state;
  napi_value object = NULL;
  u32 nPin = 0, nFile;
  HwFile *pFile;
  if( pMount==NULL ) return NULL;
  pthread_mutex_lock(&pMount->mutex);
  state = pMount->state;
  nFile = pMount->nFile;
  for(pFile=pMount->pPins; pFile!=NULL; pFile=pFile->pPinNext) nPin++;
  pthread_mutex_unlock(&pMount->mutex);
  napi_create_object(env, &object);
  hwSetNumber(env, object, "seq", (double)state.seq);
  hwSetBig(env, object, "txid", state.txid);
  hwSetNumber(env, object, "pageCount", state.pageCount);
  hwSetNumber(env, object, "changeCounter", state.changeCounter);
  hwSetNumber(env, object, "pageSize", atomic_load(&pMount->pageSize));
  hwSetNumber(env, object, "pins", nPin);
  hwSetNumber(env, object, "files", nFile);
  hwSetNumber(env, object, "hits", (double)atomic_load(&pMount->nHit));
  hwSetNumber(env, object, "misses", (double)atomic_load(&pMount->nMiss));
  return object;
}

/* mountReads(id) -> [hits, misses], or undefined when there is no such mount; any thread */
static napi_value mountReads(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  napi_value pair = NULL;
  u64 nHit, nMiss;
  if( !hwMountReads(hwU32At(&args, 0), &nHit, &nMiss) ) return NULL;
  napi_create_array_with_length(env, 2, &pair);
  napi_set_element(env, pair, 0, hwNumber(env, (double)nHit));
  napi_set_element(env, pair, 1, hwNumber(env, (double)nMiss));
  return pair;
}

/* publish(id, pageCount, changeCounter, txid, timeMs) -> seq; timeMs 0: unknown */
static napi_value publish(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  if( pMount==NULL ) return NULL;
  return hwNumber(env, (double)hwPublish(
    pMount, hwU32At(&args, 1), hwU32At(&args, 2), hwBigAt(&args, 3), (i64)hwNumberAt(&args, 4)));
}

/* setTxid(id, txid, timeMs); timeMs 0: unknown */
static napi_value setTxid(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  if( pMount!=NULL ) hwMountSetTxid(pMount, hwBigAt(&args, 1), (i64)hwNumberAt(&args, 2));
  return NULL;
}

/* setCurrent(id, agoMs); below 0: the state is the newest until told otherwise */
static napi_value setCurrent(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  if( pMount!=NULL ) hwMountSetCurrent(pMount, hwNumberAt(&args, 1));
  return NULL;
}

static napi_value setWritable(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  char z[HW_REASON_MAX];
  if( pMount==NULL ) return NULL;
  hwTextAt(&args, 2, z, sizeof(z));
  hwMountSetWritable(pMount, hwBoolAt(&args, 1), z);
  return NULL;
}

/* isWriting(id) -> boolean */
static napi_value isWriting(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  return pMount ? hwBoolean(env, hwMountWriting(pMount)) : NULL;
}

/* endCommits(id, reason) -> boolean: false while one is under way */
static napi_value endCommits(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  char z[HW_REASON_MAX];
  if( pMount==NULL ) return NULL;
  hwTextAt(&args, 1, z, sizeof(z));
  return hwBoolean(env, hwMountEndCommits(pMount, z));
}

/* switchMode(id, write, pageOne | undefined) -> boolean: false while a write transaction is open */
static napi_value switchMode(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  size_t n;
  u8 *p = hwBytesAt(&args, 2, &n);
  if( pMount==NULL ) return NULL;
  if( p!=NULL && n<HW_HEADER_SIZE ) return hwThrowErrno(env, EINVAL, "page 1 is too short");
  return hwBoolean(env, hwMountSwitch(pMount, hwBoolAt(&args, 1), p));
}

static napi_value oldestPin(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  return pMount ? hwNumber(env, (double)hwOldestPin(pMount)) : NULL;
}

/*
** Gives back to the system what the allocator holds and nobody uses.  Freed buffers of requests
** leave glibc's arenas full of holes, which it does not return by itself; others do.
*/
static napi_value releaseFreed(napi_env env, napi_callback_info info){
  (void)env;
  (void)info;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return NULL;
}

/* ---- set-up ---- */

/*
** Node unmaps an addon when the last worker that loaded it ends, but SQLite keeps pointers into
** this image for as long as the process lives.
*/
static void stayLoaded(void){
  Dl_info info;
  if( dladdr((void*)&stayLoaded, &info) && info.dli_fname ){
    dlopen(info.dli_fname, RTLD_NOW|RTLD_NODELETE);
  }
}

static const HwFunction aFunction[] = {
  { "engineStart", engineStart },
  { "engineAlive", engineAlive },
  { "engineNumber", engineNumber },
  { "exiting", exiting },
  { "takeRequests", takeRequests },
  { "answer", answer },
  { "mountCreate", mountCreate },
  { "mountActivate", mountActivate },
  { "mountClose", mountClose },
  { "mountState", mountState },
  { "mountReads", mountReads },
  { "publish", publish },
  { "setTxid", setTxid },
  { "setCurrent", setCurrent },
  { "setWritable", setWritable },
  { "oldestPin", oldestPin },
  { "isWriting", isWriting },
  { "endCommits", endCommits },
  { "switchMode", switchMode },
  { "releaseFreed", releaseFreed },
};

static void offer(napi_env env, napi_value exports, const HwFunction *a, int n){
  int i;
  for(i=0; i<n; i++){
    napi_value function = NULL;
    napi_create_function(env, a[i].zName, NAPI_AUTO_LENGTH, a[i].xCall, NULL, &function);
    napi_set_named_property(env, exports, a[i].zName, function);
  }
}

NAPI_MODULE_INIT(){
  stayLoaded();
  offer(env, exports, aFunction, sizeof(aFunction)/sizeof(aFunction[0]));
  offer(env, exports, aHwStoreFunction, nHwStoreFunction);
  offer(env, exports, aHwCodecFunction, nHwCodecFunction);
  offer(env, exports, aHwTravelFunction, nHwTravelFunction);
  offer(env, exports, aHwAskFunction, nHwAskFunction);
  return exports;
}
