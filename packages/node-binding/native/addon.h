/*
** addon.h -- what the files of the Node half share: arguments in, values out.
*/
#ifndef HEADWATER_ADDON_H
#define HEADWATER_ADDON_H
#include <node_api.h>
#include "headwater.h"
#include "weak.h"

#define MAX_ARGS 10

/* The arguments of one call. */
typedef struct HwArgs {
  napi_env env;
  size_t n;
  napi_value a[MAX_ARGS];
} HwArgs;

napi_value hwThrow(napi_env env, const char *zCode, const char *zMessage);
napi_value hwThrowErrno(napi_env env, int err, const char *zWhat);
HwArgs hwArgs(napi_env env, napi_callback_info info);
double hwNumberAt(HwArgs *p, int i);
u32 hwU32At(HwArgs *p, int i);
u64 hwSeqAt(HwArgs *p, int i);
u64 hwBigAt(HwArgs *p, int i);
int hwBoolAt(HwArgs *p, int i);
void hwTextAt(HwArgs *p, int i, char *z, size_t n);
void *hwBytesAt(HwArgs *p, int i, size_t *pn);
HwMount *hwMountAt(HwArgs *p, int i);
void *hwNewArray(napi_env, napi_typedarray_type, u32 n, size_t szEach, napi_value *pArray);
napi_value hwNumber(napi_env env, double v);
napi_value hwBoolean(napi_env env, int b);
void hwSetNumber(napi_env env, napi_value object, const char *zName, double v);
void hwSetBig(napi_env env, napi_value object, const char *zName, u64 v);

/* Functions that a file of the Node half offers to JavaScript. */
typedef struct HwFunction {
  const char *zName;
  napi_callback xCall;
} HwFunction;
extern const HwFunction aHwStoreFunction[];
extern const int nHwStoreFunction;
extern const HwFunction aHwCodecFunction[];
extern const int nHwCodecFunction;
extern const HwFunction aHwTravelFunction[];
extern const int nHwTravelFunction;
extern const HwFunction aHwAskFunction[];
extern const int nHwAskFunction;

#endif
