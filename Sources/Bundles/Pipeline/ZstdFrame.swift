internal import CZstd

/// Makes zstd frames (RFC 8878), one after another. An object is used by one thread at a time.
final class ZstdFrame: @unchecked Sendable {
    // Unchecked: see above.
    private let context: OpaquePointer
    private var search = Search.ofLevel

    /// How repeats are looked for. What is found is written in the same way.
    enum Search {
        case ofLevel
        /// With one memory of 128 KiB, which fits the fast part of a core's cache, for runs of seven bytes or more.
        case quick

        /// What differs from the level, whose own values 0 stands for.
        fileprivate var parameters: [(ZSTD_cParameter, Int32)] {
            switch self {
            case .ofLevel: [(ZSTD_c_strategy, 0), (ZSTD_c_hashLog, 0), (ZSTD_c_minMatch, 0)]
            case .quick:
                [(ZSTD_c_strategy, Int32(ZSTD_fast.rawValue)), (ZSTD_c_hashLog, 15), (ZSTD_c_minMatch, 7)]
            }
        }
    }

    init(level: Int) throws {
        guard let context = ZSTD_createCCtx() else { throw Zstd.failure("no memory") }
        self.context = context
        try Zstd.check(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level)))
        try Zstd.check(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))
    }

    deinit { ZSTD_freeCCtx(context) }

    /// Returns the frame's length. `output` has room for whatever comes (`ZSTD_compressBound`).
    func compress(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, _ search: Search
    ) throws -> Int {
        if search != self.search {
            for (parameter, value) in search.parameters {
                try Zstd.check(ZSTD_CCtx_setParameter(context, parameter, value))
            }
            self.search = search
        }
        return try Zstd.check(
            ZSTD_compress2(context, output.baseAddress, output.count, input.baseAddress, input.count))
    }
}

/// Chooses the quick search while it costs hardly any size. Texts whose repeats lie near each other, as logs and notes have them, need
/// no other, and it takes a quarter less time. The choice depends on the data alone.
final class SearchChoice {
    /// A sample of a MiB from every sixteenth piece. A shorter one does not see what comes again a few hundred KiB later, which the
    /// quick search would miss.
    private static let interval = 16
    private static let sampleLength = 1 << 20

    private let frame: ZstdFrame?
    private let output: Block
    private var pieces = 0
    private var search = ZstdFrame.Search.ofLevel

    /// At other levels than 3, the usual one, the level decides.
    init(level: Int) throws {
        frame = level == 3 ? try ZstdFrame(level: level) : nil
        output = Block(capacity: frame == nil ? 0 : ZSTD_compressBound(Self.sampleLength))
    }

    func search(for piece: UnsafeRawBufferPointer) throws -> ZstdFrame.Search {
        guard let frame else { return .ofLevel }
        defer { pieces += 1 }
        guard pieces % Self.interval == 0 else { return search }
        let start = max(0, piece.count - Self.sampleLength) / 2
        let sample = UnsafeRawBufferPointer(rebasing: piece.dropFirst(start).prefix(Self.sampleLength))
        func size(_ search: ZstdFrame.Search) throws -> Int {
            output.count = try frame.compress(sample, into: output.whole, search)
            return output.count
        }
        let usual = try size(.ofLevel)
        search = try size(.quick) <= usual + usual / 100 ? .quick : .ofLevel
        return search
    }
}
