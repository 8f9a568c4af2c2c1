/*
** extension.c -- makes headwater.node loadable by SQLite as well as by Node.
**
** LOADING
**
**    const native = require("./headwater.node");     -- Node: the engine's half
**    SELECT load_extension('.../headwater.node');    -- SQLite, same file: the page device
**
** SQLite derives the entry point from the file's name, so the file keeps its name on all targets.
** Both loads map one image, and with it one table of mounts.  Several SQLite libraries may load it
** in one process: each has its own HwLibrary, and no pointer to routines is global.
*/
#include "headwater.h"

#define EXPORT __attribute__((visibility("default")))

/*
** Runs for every connection that is opened after the extension was loaded.  A connection whose main
** database is a name that nobody mounted fails here, with words; one to a mount gets functions.
*/
static int onConnection(sqlite3 *db, const char **pzErr, const sqlite3_api_routines *pApi){
  HwFile *pFile = hwFileOf(db, pApi);
  if( pFile==NULL ) return SQLITE_OK;
  if( pFile->pMount!=NULL ) return hwFunctionsRegister(db, pApi);
  *pzErr = pApi->mprintf("%s", pFile->zWhy);
  return SQLITE_CANTOPEN;
}

EXPORT int sqlite3_headwater_init(
  sqlite3 *db,
  char **pzErrMsg,
  const sqlite3_api_routines *pApi
){
  HwLibrary *pLibrary;
  int rc;
  (void)db;
  if( pApi->libversion_number()<3031000 ){
    *pzErrMsg = pApi->mprintf("headwater needs SQLite 3.31 or newer, this is %s",
      pApi->libversion());
    return SQLITE_ERROR;
  }
  rc = hwLibraryRegister(pApi, &pLibrary);
  if( rc==SQLITE_OK ) rc = pApi->auto_extension((void(*)(void))onConnection);
  return rc==SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : rc;
}
