/*
** addon_args.c -- arguments in, values out.  The types were checked in TypeScript (native.ts).
**
** Node-API refuses to make or to change objects once the thread is being terminated, which another
** thread may have asked for while a function here runs.  What was not made is NULL, for JavaScript
** undefined, and nobody looks at it: the next step of JavaScript does not come.
*/
#include <errno.h>
#include <stdio.h>
#include "addon.h"

napi_value hwThrow(napi_env env, const char *zCode, const char *zMessage){
  napi_throw_error(env, zCode, zMessage);
  return NULL;
}

napi_value hwThrowErrno(napi_env env, int err, const char *zWhat){
  char z[HW_REASON_MAX];
  snprintf(z, sizeof(z), "%s: %s", zWhat, strerror(err));
  return hwThrow(env, err==ENOSPC ? "ENOSPC" : err==ENOENT ? "ENOENT" : "HEADWATER_NATIVE", z);
}


HwArgs hwArgs(napi_env env, napi_callback_info info){
  HwArgs args = { env, MAX_ARGS, {0} };
  napi_get_cb_info(env, info, &args.n, args.a, NULL, NULL);
  return args;
}

double hwNumberAt(HwArgs *p, int i){
  double v = 0;
  napi_get_value_double(p->env, p->a[i], &v);
  return v;
}

u32 hwU32At(HwArgs *p, int i){ return (u32)hwNumberAt(p, i); }
u64 hwSeqAt(HwArgs *p, int i){ return (u64)hwNumberAt(p, i); }

u64 hwBigAt(HwArgs *p, int i){
  uint64_t v = 0;
  bool lossless;
  napi_get_value_bigint_uint64(p->env, p->a[i], &v, &lossless);
  return v;
}

int hwBoolAt(HwArgs *p, int i){
  bool b = false;
  napi_get_value_bool(p->env, p->a[i], &b);
  return b;
}

void hwTextAt(HwArgs *p, int i, char *z, size_t n){
  size_t nOut = 0;
  z[0] = 0;
  napi_get_value_string_utf8(p->env, p->a[i], z, n, &nOut);
}

void *hwBytesAt(HwArgs *p, int i, size_t *pn){
  napi_typedarray_type type;
  void *pData = NULL;
  size_t nElement = 0, offset;
  napi_value buffer;
  static const int aSize[] = { 1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8 };
  if( napi_get_typedarray_info(p->env, p->a[i], &type, &nElement, &pData, &buffer, &offset)
      !=napi_ok ){
    *pn = 0;
    return NULL;
  }
  *pn = nElement*aSize[type];
  return pData;
}

HwMount *hwMountAt(HwArgs *p, int i){
  HwMount *pMount = hwMountById(hwU32At(p, i));
  if( pMount==NULL ) hwThrow(p->env, "HEADWATER_NATIVE", "no such mount");
  return pMount;
}

/* A typed array of n elements, and its bytes.  NULL, and nothing, when the thread is ending. */
void *hwNewArray(napi_env env, napi_typedarray_type type, u32 n, size_t szEach, napi_value *pArray){
  napi_value buffer = NULL;
  void *pData = NULL;
  *pArray = NULL;
  if( napi_create_arraybuffer(env, n*szEach, &pData, &buffer)!=napi_ok ) return NULL;
  if( napi_create_typedarray(env, type, n, buffer, 0, pArray)!=napi_ok ) return NULL;
  return pData;
}

napi_value hwNumber(napi_env env, double v){
  napi_value value = NULL;
  napi_create_double(env, v, &value);
  return value;
}

napi_value hwBoolean(napi_env env, int b){
  napi_value value = NULL;
  napi_get_boolean(env, b, &value);
  return value;
}

void hwSetNumber(napi_env env, napi_value object, const char *zName, double v){
  napi_set_named_property(env, object, zName, hwNumber(env, v));
}

void hwSetBig(napi_env env, napi_value object, const char *zName, u64 v){
  napi_value value = NULL;
  napi_create_bigint_uint64(env, v, &value);
  napi_set_named_property(env, object, zName, value);
}
