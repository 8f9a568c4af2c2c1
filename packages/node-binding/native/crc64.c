/*
** crc64.c -- CRC-64/GO-ISO, the checksum of LTX files.  No SQLite calls, no Node calls.
**
** The polynomial is x^64 + x^4 + x^3 + x + 1, reflected: the low bit of a word is its highest power
** of x, and multiplying by x shifts to the right.  What falls out of the register comes back in as
** a multiple of x^4 + x^3 + x + 1, by a few shifts, so there are no tables.
**
** Long runs go eight words at a time: each word of the register is multiplied by x^512, which is
** (x^4 + x^3 + x + 1)^8 = x^32 + x^24 + x^8 + 1 and has as few terms.  The eight do not wait for
** one another, and each two are one vector, which every processor that Node runs on has.
*/
#include "headwater.h"

#define STRIDE 64                    /* bytes: eight words */

typedef u64 v2u64 __attribute__((vector_size(16)));

/* Times x^4 + x^3 + x + 1, less what falls out of the register. */
#define TIMES_TAIL(o) ((o) ^ ((o)>>1) ^ ((o)>>3) ^ ((o)>>4))

/* c * x^64.  What falls out is few bits and high ones, so that nothing falls out once more. */
static inline u64 overOneWord(u64 c){
  u64 out = (c<<63) ^ (c<<61) ^ (c<<60);
  return TIMES_TAIL(c) ^ TIMES_TAIL(out);
}

/* c * x^512, both words */
static inline v2u64 overEightWords(v2u64 c){
  v2u64 out = (c<<56) ^ (c<<40) ^ (c<<32);
  return c ^ (c>>8) ^ (c>>24) ^ (c>>32) ^ TIMES_TAIL(out);
}

static inline v2u64 readTwo(const u8 *p){
  v2u64 v;
  memcpy(&v, p, 16);
  return v;
}

/* Folds 2*STRIDE bytes or more into a register, but for the last few; *pnUsed says how many. */
static u64 crcLong(u64 crc, const u8 *p, size_t n, size_t *pnUsed){
  v2u64 a = readTwo(p), b = readTwo(p+16), c = readTwo(p+32), d = readTwo(p+48);
  u64 aWord[8];
  size_t i = STRIDE;
  a ^= (v2u64){ crc, 0 };
  for(; n-i>=STRIDE; i += STRIDE){
    a = overEightWords(a) ^ readTwo(p+i);
    b = overEightWords(b) ^ readTwo(p+i+16);
    c = overEightWords(c) ^ readTwo(p+i+32);
    d = overEightWords(d) ^ readTwo(p+i+48);
  }
  memcpy(aWord, &a, 16);
  memcpy(aWord+2, &b, 16);
  memcpy(aWord+4, &c, 16);
  memcpy(aWord+6, &d, 16);
  *pnUsed = i;
  crc = 0;
  for(i=0; i<8; i++) crc = overOneWord(crc ^ aWord[i]);
  return crc;
}

/* Takes n bytes into a register, before the final not. */
u64 hwCrc64(u64 crc, const void *pIn, size_t n){
  const u8 *p = pIn;
  size_t nUsed = 0;
  if( n>=2*STRIDE ) crc = crcLong(crc, p, n, &nUsed);
  for(; n-nUsed>=8; nUsed += 8){
    u64 word;
    memcpy(&word, p+nUsed, 8);
    crc = overOneWord(crc ^ word);
  }
  for(; nUsed<n; nUsed++){
    u64 byte = (crc ^ p[nUsed]) & 0xff;
    crc = (crc>>8) ^ (byte<<56) ^ (byte<<55) ^ (byte<<53) ^ (byte<<52);
  }
  return crc;
}
