import Glibc

/// The effective user id of the tests.
let currentUser: UInt32 = geteuid()
