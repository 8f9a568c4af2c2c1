/*
** addon_ask.c -- what the engine does for connections that open what is not mounted yet.
**
** askAllow may be called on any thread, all else on the engine thread only.  See ask.c.
*/
#include <stdlib.h>
#include "addon.h"

static napi_value askAllow(napi_env env, napi_callback_info info){
  (void)env;
  (void)info;
  hwAskAllow();
  return NULL;
}

/* askText(ticket) -> names and values that end in zero, or undefined when nobody waits any more */
static napi_value askText(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  napi_value text = NULL;
  u32 n;
  char *z = hwAskText((u64)hwNumberAt(&args, 0), &n);
  if( z==NULL ) return NULL;
  napi_create_string_utf8(env, z, n, &text);
  free(z);
  return text;
}

/* askArrive(ticket, id) -> boolean: false when nobody waits any more */
static napi_value askArrive(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 1);
  if( pMount==NULL ) return NULL;
  atomic_store(&pMount->bAsked, 1);
  return hwBoolean(env, hwAskArrive((u64)hwNumberAt(&args, 0), pMount));
}

const HwFunction aHwAskFunction[] = {
  { "askAllow", askAllow },
  { "askText", askText },
  { "askArrive", askArrive },
};
const int nHwAskFunction = sizeof(aHwAskFunction)/sizeof(aHwAskFunction[0]);
