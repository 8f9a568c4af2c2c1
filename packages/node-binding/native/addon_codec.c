/*
** addon_codec.c -- the hot loops of LTX files: CRC-64, LZ4 compression, LZ4 decompression.
**
** Called on any thread: nothing is kept between calls.  A range that does not lie in its array is
** an error of the caller and throws; no byte outside of the ranges is read or written, whatever the
** bytes say.
*/
#include "addon.h"
#include "lz4/lz4.h"

/* Part of a typed array. */
typedef struct HwRange {
  u8 *p;
  size_t n;
} HwRange;

static HwRange arrayAt(HwArgs *p, int i){
  HwRange all;
  all.p = hwBytesAt(p, i, &all.n);
  return all;
}

/* Narrows an array to bytes [from, to); 0 if it has no such bytes, or more of them than nMax. */
static int narrow(HwRange *p, double from, double to, double nMax){
  /* Written so that NaN fails. */
  if( !(from>=0 && from<=to && to<=(double)p->n && to-from<=nMax) ) return 0;
  p->n = (size_t)to - (size_t)from;
  if( p->n ) p->p += (size_t)from;
  return 1;
}

static napi_value outOfRange(napi_env env){
  return hwThrow(env, "HEADWATER_NATIVE", "a range that does not lie in its array");
}

/* codecCrc64(state, bytes, start, end): takes bytes into a register of two 32-bit halves */
static napi_value codecCrc64(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwRange state = arrayAt(&args, 0), in = arrayAt(&args, 1);
  u64 crc;
  if( state.n!=sizeof(crc) ) return outOfRange(env);
  if( !narrow(&in, hwNumberAt(&args, 2), hwNumberAt(&args, 3), in.n) ) return outOfRange(env);
  memcpy(&crc, state.p, sizeof(crc));
  crc = hwCrc64(crc, in.p, in.n);
  memcpy(state.p, &crc, sizeof(crc));
  return NULL;
}

/* codecCompress(source, start, end, target, start) -> bytes written */
static napi_value codecCompress(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwRange in = arrayAt(&args, 0), out = arrayAt(&args, 3);
  double inAt = hwNumberAt(&args, 1), inEnd = hwNumberAt(&args, 2), outAt = hwNumberAt(&args, 4);
  int n;
  if( !narrow(&in, inAt, inEnd, LZ4_MAX_INPUT_SIZE) ) return outOfRange(env);
  if( !narrow(&out, outAt, out.n, out.n) ) return outOfRange(env);
  if( out.n>INT32_MAX ) out.n = INT32_MAX;
  n = LZ4_compress_default((char*)in.p, (char*)out.p, (int)in.n, (int)out.n);
  if( n<=0 ) return hwThrow(env, "HEADWATER_NATIVE", "no room for a compressed block");
  return hwNumber(env, n);
}

/* codecDecompress(source, start, end, target, start, end) -> bytes written, below 0: refused */
static napi_value codecDecompress(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwRange in = arrayAt(&args, 0), out = arrayAt(&args, 3);
  double inAt = hwNumberAt(&args, 1), inEnd = hwNumberAt(&args, 2);
  double outAt = hwNumberAt(&args, 4), outEnd = hwNumberAt(&args, 5);
  if( !narrow(&in, inAt, inEnd, INT32_MAX) ) return outOfRange(env);
  if( !narrow(&out, outAt, outEnd, INT32_MAX) ) return outOfRange(env);
  /* An array without bytes has no address, which LZ4 does not expect. */
  if( in.n==0 || out.n==0 ) return hwNumber(env, -1);
  return hwNumber(env, LZ4_decompress_safe((char*)in.p, (char*)out.p, (int)in.n, (int)out.n));
}

const HwFunction aHwCodecFunction[] = {
  { "codecCrc64", codecCrc64 },
  { "codecCompress", codecCompress },
  { "codecDecompress", codecDecompress },
};
const int nHwCodecFunction = sizeof(aHwCodecFunction)/sizeof(aHwCodecFunction[0]);
