/*
** room.c -- leaves some of the disk under the journal to the records of uploads.
**
** Only an upload empties the journal, and it writes its records first (journal-folder.ts).  Commits
** that took the last block would make that impossible for good.  So behind the last commit of a
** segment there is room that is allocated and never written.  A commit that cannot keep it fails,
** and then it is free for the records.
*/
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "segment.h"

/* Each of a few small files takes a block, of a file system with large ones. */
#define ROOM_BYTES (64<<10)
/* Allocated at a time, so that it costs a commit nothing to speak of. */
#define ROOM_STEP (64<<10)

#ifdef __linux__
static int allocate(HwSegment *p, i64 end){
  int rc;
  do{
    rc = fallocate(p->fd, FALLOC_FL_KEEP_SIZE, p->end, end-p->end);
  }while( rc!=0 && errno==EINTR );
  return rc==0;
}
#else
static int allocate(HwSegment *p, i64 end){
  (void)p;
  (void)end;
  errno = ENOTSUP;
  return 0;
}
#endif

static int isFull(void){ return errno==ENOSPC || errno==EDQUOT; }

/*
** Writer: there is room on disk for what is to be written up to `end`, and for records.  1, or 0:
** see errno.  Where the system cannot tell, there is.
*/
int hwSegmentHold(HwSegment *p, i64 end){
  i64 need = end + ROOM_BYTES;
  if( need<=p->held || p->bCannotHold ) return 1;
  p->held = need + ROOM_STEP;
  if( allocate(p, p->held) ) return 1;
  p->held = need;
  if( isFull() && allocate(p, p->held) ) return 1;
  if( isFull() ) return 0;
  p->bCannotHold = 1;
  return 1;
}

/* Writer: takes away what is behind `end`, and the room with it.  1, or 0: see errno. */
int hwSegmentCut(HwSegment *p, i64 end){
  p->held = 0;
  return ftruncate(p->fd, end)==0;
}
