/*
** flush-count.c -- loaded before everything else into a program of the tests: counts what is
** flushed of files whose name ends with the text in FLUSH_COUNT_SUFFIX, one byte each in the file
** that FLUSH_COUNT_FILE names.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void count(int fd){
  const char *zSuffix = getenv("FLUSH_COUNT_SUFFIX");
  const char *zFile = getenv("FLUSH_COUNT_FILE");
  char zLink[64], zPath[4096];
  ssize_t n;
  int out;
  if( zSuffix==NULL || zFile==NULL ) return;
  snprintf(zLink, sizeof(zLink), "/proc/self/fd/%d", fd);
  n = readlink(zLink, zPath, sizeof(zPath)-1);
  if( n<(ssize_t)strlen(zSuffix) ) return;
  zPath[n] = 0;
  if( strcmp(zPath+n-strlen(zSuffix), zSuffix)!=0 ) return;
  out = open(zFile, O_WRONLY|O_CREAT|O_APPEND, 0600);
  if( out<0 ) return;
  if( write(out, "x", 1)!=1 ) abort();
  close(out);
}

int fdatasync(int fd){
  int (*xReal)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  count(fd);
  return xReal(fd);
}

int fsync(int fd){
  int (*xReal)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  count(fd);
  return xReal(fd);
}
