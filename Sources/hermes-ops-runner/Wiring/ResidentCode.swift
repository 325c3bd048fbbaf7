internal import Glibc
internal import Support
internal import SystemPackage

/// Hands the pages of the program's own code back to the kernel, which keeps them in its cache and maps again what is used: what starting
/// and parsing touched is not needed any more, and would count as this process's memory to its end. For what runs every minute.
func releaseResidentCode() {
    guard let maps = try? FileSystem.read("/proc/self/maps", limit: 4 << 20) else { return }
    // `55d0c0e00000-55d0c3200000 r-xp 00000000 08:01 1234 /usr/local/bin/hermes-ops-runner`. The first mapping is the program's; pages
    // that are not executable may have been written to by relocation.
    let lines = String(decoding: maps, as: UTF8.self).split(separator: "\n").map { $0.split(separator: " ") }
    guard let program = lines.first?.dropFirst(5) else { return }
    for fields in lines where fields.count > 5 && fields[1] == "r-xp" && fields.dropFirst(5).elementsEqual(program) {
        let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, let start = UnsafeMutableRawPointer(bitPattern: ends[0]), ends[1] > ends[0] else {
            continue
        }
        // A refusal costs memory and nothing else.
        _ = madvise(start, Int(ends[1] - ends[0]), MADV_DONTNEED)
    }
}
