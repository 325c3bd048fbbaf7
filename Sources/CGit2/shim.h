#pragma once

#include <git2.h>
#include <git2/sys/transport.h>

// git_libgit2_opts is variadic, which Swift cannot call.

static inline int hx_git_set_search_path(int level, const char *path)
{
    return git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, path);
}

static inline int hx_git_enable_caching(int enabled)
{
    return git_libgit2_opts(GIT_OPT_ENABLE_CACHING, enabled);
}

static inline int hx_git_enable_fsync_gitdir(int enabled)
{
    return git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, enabled);
}
