internal import CPCRE2
internal import Support

/// A compiled PCRE2 expression over bytes (JIT where the library has it), with limits on its work: a limit that is hit throws, so that
/// the caller fails closed.
final class Pattern: @unchecked Sendable {
    /// What one match may cost. Rules look at short windows, where a few thousand steps do.
    private static let matchLimit: UInt32 = 1_000_000
    private static let depthLimit: UInt32 = 10_000
    private static let heapLimitKiB: UInt32 = 16_384

    private let code: OpaquePointer
    private let context: OpaquePointer
    private let groupCount: Int

    /// Compiles `source`. `^`, `$` and `\w` are those of ASCII bytes.
    init(_ source: String, caseless: Bool = false, multiline: Bool = false) throws {
        var errorNumber: Int32 = 0
        var errorOffset = 0
        var options: UInt32 = UInt32(PCRE2_NEVER_UTF) | UInt32(PCRE2_NEVER_BACKSLASH_C)
        if caseless { options |= UInt32(PCRE2_CASELESS) }
        if multiline { options |= UInt32(PCRE2_MULTILINE) }
        let bytes = Array(source.utf8)
        guard
            let code = bytes.withUnsafeBufferPointer({
                pcre2_compile_8($0.baseAddress, bytes.count, options, &errorNumber, &errorOffset, nil)
            })
        else {
            throw OperatorError(
                "rules.pattern", doing: "compiling a detector pattern", subject: source,
                reason: "\(Self.message(errorNumber)) at offset \(errorOffset)", exit: .configuration)
        }
        guard let context = pcre2_match_context_create_8(nil) else {
            pcre2_code_free_8(code)
            throw OperatorError("rules.memory", doing: "compiling a detector pattern", reason: "out of memory")
        }
        // These three only store a number; they return 0 always.
        _ = pcre2_set_match_limit_8(context, Self.matchLimit)
        _ = pcre2_set_depth_limit_8(context, Self.depthLimit)
        _ = pcre2_set_heap_limit_8(context, Self.heapLimitKiB)
        let jit = pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
        guard jit == 0 || jit == PCRE2_ERROR_JIT_BADOPTION || jit == PCRE2_ERROR_NOMEMORY else {
            pcre2_match_context_free_8(context)
            pcre2_code_free_8(code)
            throw OperatorError(
                "rules.pattern", doing: "compiling a detector pattern", subject: source, reason: Self.message(jit),
                exit: .configuration)
        }
        var groups: UInt32 = 0
        let status = pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_CAPTURECOUNT), &groups)
        guard status == 0 else {
            pcre2_match_context_free_8(context)
            pcre2_code_free_8(code)
            throw OperatorError(
                "rules.pattern", doing: "reading a detector pattern", subject: source, reason: Self.message(status))
        }
        self.code = code
        self.context = context
        groupCount = Int(groups)
    }

    deinit {
        pcre2_match_context_free_8(context)
        pcre2_code_free_8(code)
    }

    /// Results of matches, reused from one match to the next; one for each thread.
    final class Scratch {
        fileprivate let data: OpaquePointer

        init() throws {
            guard let data = pcre2_match_data_create_8(16, nil) else {
                throw OperatorError("rules.memory", doing: "preparing a scan", reason: "out of memory")
            }
            self.data = data
        }

        deinit { pcre2_match_data_free_8(data) }
    }

    /// Where the expression matches from `start` on, reading no further than `end`; with `anchored`, at `start` alone. The range is
    /// that of the first group that took part, or of the whole match when there is no group. Bytes before `start` are seen by
    /// look-behind.
    func match(
        in text: ByteText, from start: Int, to end: Int, anchored: Bool, scratch: Scratch
    ) throws -> (whole: Range<Int>, secret: Range<Int>)? {
        let status = pcre2_match_8(
            code, text.base, min(end, text.count), start, anchored ? UInt32(PCRE2_ANCHORED) : 0, scratch.data, context)
        if status == PCRE2_ERROR_NOMATCH { return nil }
        guard status >= 0 else {
            throw OperatorError(
                "rules.limit", doing: "matching a detector rule", reason: Self.message(status),
                advice: "exclude the file by a policy rule, or report it")
        }
        guard let vector = pcre2_get_ovector_pointer_8(scratch.data) else { return nil }
        let whole = vector[0]..<max(vector[0], vector[1])
        var group = 1
        while group <= min(groupCount, 15) {
            // A group that took no part is PCRE2_UNSET, all bits set.
            let from = vector[2 * group]
            let to = vector[2 * group + 1]
            if from != Int(bitPattern: UInt.max), to > from { return (whole, from..<to) }
            group += 1
        }
        return (whole, whole)
    }

    private static func message(_ number: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 160)
        let length = buffer.withUnsafeMutableBufferPointer {
            pcre2_get_error_message_8(number, $0.baseAddress, $0.count)
        }
        return length > 0 ? String(decoding: buffer.prefix(Int(length)), as: UTF8.self) : "PCRE2 error \(number)"
    }
}
