/*
** image.c -- reads from the local image, page by page, while it is being filled.
**
** A bit per page says whether the image may be used for that page, whatever the reader's pin.  The
** engine clears the bit before it overwrites a page and sets it afterwards; `epoch` grows whenever
** bits are cleared, so a reader that was in the middle of its copy notices and does not use it.
*/
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "headwater.h"

#define CHUNK_WORDS (HW_IMAGE_CHUNK_PAGES/64)

static int isPresent(HwImage *pImage, u32 pgno){
  _Atomic u64 *aWord = atomic_load_explicit(
    &pImage->aChunk[pgno/HW_IMAGE_CHUNK_PAGES], memory_order_acquire);
  u32 i = pgno % HW_IMAGE_CHUNK_PAGES;
  if( aWord==NULL ) return 0;
  return (atomic_load_explicit(&aWord[i/64], memory_order_acquire)>>(i%64)) & 1;
}

/* SQLite thread.  1 when pOut holds the page, 0 when the image cannot be used for it. */
int hwImageRead(HwImage *pImage, u32 pgno, u32 pageSize, u8 *pOut){
  unsigned epoch = atomic_load_explicit(&pImage->epoch, memory_order_acquire);
  if( !isPresent(pImage, pgno) ) return 0;
  if( pread(pImage->fd, pOut, pageSize, (i64)(pgno-1)*pageSize)!=(ssize_t)pageSize ) return 0;
  atomic_thread_fence(memory_order_acquire);
  if( atomic_load_explicit(&pImage->epoch, memory_order_acquire)==epoch ) return 1;
  return 0;
}

/* Engine thread.  0, or an errno. */
int hwImageOpen(HwMount *pMount, const char *zPath, int bKept){
  HwImage *pImage;
  int fd;
  if( pMount->pImages!=NULL ) return EBUSY;
  fd = open(zPath, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);
  if( fd<0 ) return errno;
  pImage = calloc(1, sizeof(*pImage));
  if( pImage!=NULL && bKept ) pImage->zKept = strdup(zPath);
  if( pImage==NULL || (bKept && pImage->zKept==NULL) ){
    free(pImage);
    close(fd);
    return ENOMEM;
  }
  pImage->fd = fd;
  pMount->pImages = pImage;
  atomic_store_explicit(&pMount->pImage, pImage, memory_order_release);
  return 0;
}

/* Engine thread.  0, or an errno. */
int hwImageMark(HwMount *pMount, const u32 *aPgno, size_t n, int bPresent){
  HwImage *pImage = pMount->pImages;
  size_t i;
  if( pImage==NULL ) return EBADF;
  for(i=0; i<n; i++){
    u32 iChunk = aPgno[i]/HW_IMAGE_CHUNK_PAGES;
    u32 iBit = aPgno[i]%HW_IMAGE_CHUNK_PAGES;
    _Atomic u64 *aWord = atomic_load(&pImage->aChunk[iChunk]);
    if( aWord==NULL ){
      if( !bPresent ) continue;
      aWord = calloc(CHUNK_WORDS, sizeof(u64));
      if( aWord==NULL ) return ENOMEM;
      atomic_store_explicit(&pImage->aChunk[iChunk], aWord, memory_order_release);
    }
    if( bPresent ){
      atomic_fetch_or(&aWord[iBit/64], (u64)1<<(iBit%64));
    }else{
      atomic_fetch_and(&aWord[iBit/64], ~((u64)1<<(iBit%64)));
    }
  }
  /* After the bits, before the caller writes: a reader that saw a bit set either validates before
  ** this, when the file still holds the old page, or finds the epoch changed. */
  if( !bPresent ) atomic_fetch_add(&pImage->epoch, 1);
  return 0;
}

/* Engine thread.  For those who ask how far it is. */
void hwImageTell(HwMount *pMount, int permille){
  if( pMount->pImages!=NULL ) atomic_store(&pMount->pImages->permille, permille);
}

/* Engine thread.  Reads in flight may still hold the image, so it is freed with the mount. */
void hwImageClose(HwMount *pMount){
  atomic_store_explicit(&pMount->pImage, NULL, memory_order_release);
}

/* Any thread, when nobody holds the mount. */
void hwImageFree(HwImage *pImage){
  int i;
  if( pImage==NULL ) return;
  for(i=0; i<HW_IMAGE_CHUNKS; i++) free((void*)atomic_load(&pImage->aChunk[i]));
  close(pImage->fd);
  free(pImage->zKept);
  free(pImage);
}
