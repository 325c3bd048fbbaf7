internal import Dispatch
internal import Glibc
internal import Support
internal import SystemPackage

/// The pages of this program's own code. The kernel maps sixteen for each that is touched, and the Swift runtime touches tables all over
/// the program: most of what a short run holds is code that was used once. What runs every minute gives it back; the kernel keeps the
/// pages in its cache and maps again what is used.
enum ResidentCode {
    /// The executable mappings of the program: the others may have been written to by relocation.
    private static let mappings: [Range<UInt>] = {
        guard let maps = try? FileSystem.read("/proc/self/maps", limit: 4 << 20) else { return [] }
        // `55d0c0e00000-55d0c3200000 r-xp 00000000 08:01 1234 /usr/local/bin/hermes-ops-runner`; the first is the program's.
        let lines = String(decoding: maps, as: UTF8.self).split(separator: "\n").map { $0.split(separator: " ") }
        guard let program = lines.first?.dropFirst(5) else { return [] }
        return lines.compactMap { fields in
            guard fields.count > 5, fields[1] == "r-xp", fields.dropFirst(5).elementsEqual(program) else { return nil }
            let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard ends.count == 2, ends[1] > ends[0] else { return nil }
            return ends[0]..<ends[1]
        }
    }()

    /// Gives back what is not in use just now. A refusal costs memory and nothing else.
    static func release() {
        for mapping in mappings {
            _ = madvise(UnsafeMutableRawPointer(bitPattern: mapping.lowerBound), mapping.count, MADV_DONTNEED)
        }
    }

    /// Runs a body and gives code back while it runs.
    static func releasing<Result: Sendable>(_ body: () async throws -> Result) async rethrows -> Result {
        let timer = DispatchSource.makeTimerSource(queue: .global(qos: .userInteractive))
        timer.schedule(deadline: .now(), repeating: .milliseconds(5))
        timer.setEventHandler { release() }
        timer.activate()
        defer { timer.cancel() }
        return try await body()
    }
}
