/*
** name.h -- which file names mean a mount, and what they say about it.
*/
#ifndef HEADWATER_FILE_NAME_H
#define HEADWATER_FILE_NAME_H
#include "headwater.h"

/* What opens a name: the VFS that was the default before, or one of ours. */
enum { HW_VFS_BASE = 0, HW_VFS_NAMED = 1, HW_VFS_ASKING = 2 };

int hwNameVfs(const char *zName, int bExact);
int hwNameReadOnly(const char *zName);
int hwNameToMount(const char *zName, char *zOut, size_t nOut);
char *hwNameParameters(const sqlite3_api_routines*, const char *zName, u32 *pn);

#endif
