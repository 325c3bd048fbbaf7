#pragma once

#include <curl/curl.h>

// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call: one function per argument type.

static inline CURLcode hx_easy_set_long(CURL *h, CURLoption o, long v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode hx_easy_set_off(CURL *h, CURLoption o, curl_off_t v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode hx_easy_set_str(CURL *h, CURLoption o, const char *v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode hx_easy_set_ptr(CURL *h, CURLoption o, void *v) { return curl_easy_setopt(h, o, v); }

typedef size_t (*hx_data_callback)(char *, size_t, size_t, void *);
static inline CURLcode hx_easy_set_data_callback(CURL *h, CURLoption o, hx_data_callback f)
{
    return curl_easy_setopt(h, o, f);
}

typedef int (*hx_seek_callback)(void *, curl_off_t, int);
static inline CURLcode hx_easy_set_seek_callback(CURL *h, hx_seek_callback f)
{
    return curl_easy_setopt(h, CURLOPT_SEEKFUNCTION, f);
}

typedef int (*hx_progress_callback)(void *, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
static inline CURLcode hx_easy_set_progress_callback(CURL *h, hx_progress_callback f)
{
    return curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, f);
}

static inline CURLcode hx_easy_get_long(CURL *h, CURLINFO i, long *v) { return curl_easy_getinfo(h, i, v); }
static inline CURLcode hx_easy_get_off(CURL *h, CURLINFO i, curl_off_t *v) { return curl_easy_getinfo(h, i, v); }
static inline CURLcode hx_easy_get_str(CURL *h, CURLINFO i, const char **v) { return curl_easy_getinfo(h, i, v); }
