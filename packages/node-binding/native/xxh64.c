/*
** xxh64.c -- the XXH64 hash, after its public specification
** (github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md).
**
** The journal uses it to tell a whole record from a torn one.  It is here because a commit hashes
** every page it writes, so it must cost less than the write itself.
*/
#include "headwater.h"

#define P1 0x9E3779B185EBCA87ULL
#define P2 0xC2B2AE3D27D4EB4FULL
#define P3 0x165667B19E3779F9ULL
#define P4 0x85EBCA77C2B2AE63ULL
#define P5 0x27D4EB2F165667C5ULL

static inline u64 rotl(u64 x, int r){ return (x<<r) | (x>>(64-r)); }

static inline u64 read64(const u8 *p){
  u64 v;
  memcpy(&v, p, 8);
  return v;
}

static inline u32 read32(const u8 *p){
  u32 v;
  memcpy(&v, p, 4);
  return v;
}

static inline u64 mixLane(u64 acc, u64 lane){
  return rotl(acc + lane*P2, 31) * P1;
}

static inline u64 mergeLane(u64 acc, u64 lane){
  return (acc ^ mixLane(0, lane)) * P1 + P4;
}

u64 hwHash(u64 seed, const void *pIn, size_t n){
  const u8 *p = pIn;
  const u8 *pEnd = p + n;
  u64 h;
  if( n>=32 ){
    u64 a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;
    do{
      a = mixLane(a, read64(p));
      b = mixLane(b, read64(p+8));
      c = mixLane(c, read64(p+16));
      d = mixLane(d, read64(p+24));
      p += 32;
    }while( pEnd-p>=32 );
    h = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
    h = mergeLane(h, a);
    h = mergeLane(h, b);
    h = mergeLane(h, c);
    h = mergeLane(h, d);
  }else{
    h = seed + P5;
  }
  h += n;
  for(; pEnd-p>=8; p += 8) h = rotl(h ^ mixLane(0, read64(p)), 27)*P1 + P4;
  if( pEnd-p>=4 ){
    h = rotl(h ^ (read32(p)*P1), 23)*P2 + P3;
    p += 4;
  }
  for(; p<pEnd; p++) h = rotl(h ^ (*p*P5), 11)*P1;
  h = (h ^ (h>>33)) * P2;
  h = (h ^ (h>>29)) * P3;
  return h ^ (h>>32);
}
