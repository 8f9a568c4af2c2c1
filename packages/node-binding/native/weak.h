/*
** weak.h -- Node-API by weak references.
**
** SQLite binds all symbols when it opens an extension.  With ordinary references the file could not
** be opened outside Node at all, and SQLite would say that it does not exist; with weak ones it
** opens, and answers for itself.
*/
#ifndef HEADWATER_WEAK_H
#define HEADWATER_WEAK_H
#pragma weak napi_add_env_cleanup_hook
#pragma weak napi_call_threadsafe_function
#pragma weak napi_create_array_with_length
#pragma weak napi_create_arraybuffer
#pragma weak napi_create_bigint_uint64
#pragma weak napi_create_double
#pragma weak napi_create_external_arraybuffer
#pragma weak napi_create_function
#pragma weak napi_create_object
#pragma weak napi_create_string_utf8
#pragma weak napi_create_threadsafe_function
#pragma weak napi_create_typedarray
#pragma weak napi_get_boolean
#pragma weak napi_get_cb_info
#pragma weak napi_get_typedarray_info
#pragma weak napi_get_value_bigint_uint64
#pragma weak napi_get_value_bool
#pragma weak napi_get_value_double
#pragma weak napi_get_value_string_utf8
#pragma weak napi_set_element
#pragma weak napi_set_named_property
#pragma weak napi_throw_error

#endif
