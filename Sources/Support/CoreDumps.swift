internal import CLinux
internal import Glibc

/// What every process of this program does first: no core dump, no broken-pipe death, private files.
public func hardenProcess() throws {
    guard hx_forbid_core_dumps() == 0 else { throw OperatorError.system(errno, doing: "switching core dumps off") }
    // What a run over a large home needs for a moment is not to stay with it. A refusal costs memory and nothing else.
    _ = hx_return_freed_memory()
    signal(SIGPIPE, SIG_IGN)
    umask(0o077)
    // Only the character encoding: names are UTF-8; numbers and dates stay as in C.
    setlocale(LC_CTYPE, "C.UTF-8")
}
