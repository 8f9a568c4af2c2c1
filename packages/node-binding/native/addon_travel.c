/*
** addon_travel.c -- what the engine does for connections that go to an earlier moment.
**
** Called on the engine thread only.  See travel.c.
*/
#include "addon.h"

/* mountFreeze(id): one moment for good.  Before it is active. */
static napi_value mountFreeze(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 0);
  if( pMount!=NULL ) pMount->bPast = 1;
  return NULL;
}

/* travelMoment(ticket) -> text, or undefined when nobody waits any more */
static napi_value travelMoment(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  char z[HW_MOMENT_MAX];
  napi_value text = NULL;
  if( !hwTravelMoment((u64)hwNumberAt(&args, 0), z, sizeof(z)) ) return NULL;
  napi_create_string_utf8(env, z, NAPI_AUTO_LENGTH, &text);
  return text;
}

/* travelArrive(ticket, id, timeMs) -> boolean: false when nobody waits any more */
static napi_value travelArrive(napi_env env, napi_callback_info info){
  HwArgs args = hwArgs(env, info);
  HwMount *pMount = hwMountAt(&args, 1);
  if( pMount==NULL ) return NULL;
  return hwBoolean(env,
    hwTravelArrive((u64)hwNumberAt(&args, 0), pMount, (i64)hwNumberAt(&args, 2)));
}

const HwFunction aHwTravelFunction[] = {
  { "mountFreeze", mountFreeze },
  { "travelMoment", travelMoment },
  { "travelArrive", travelArrive },
};
const int nHwTravelFunction = sizeof(aHwTravelFunction)/sizeof(aHwTravelFunction[0]);
