/// How bytes are written as text.
enum Encoding: UInt8, Sendable { case base64, hex }

/// Secrets inside base64 and hex: what is likely a secret's beginning, encoded, is an anchor; the run around it is
/// decoded and scanned, two levels deep.
extension DetectionPass {
    private static let runLimit = 4 * 1024 * 1024

    func encodedHit(_ start: Int, _ end: Int, _ form: Encoding) throws {
        guard start >= encodedEnd, depth < 2 else { return }
        func belongs(_ byte: UInt8) -> Bool { form == .hex ? byte.isHex : byte.isBase64 }
        var first = start
        while first > 0, belongs(text.base[first - 1]), start - first < Self.runLimit { first -= 1 }
        // A `\n` before the run is no part of it.
        if text[first - 1] == 92, text[first] == 110 || text[first] == 114 || text[first] == 116 { first += 1 }
        var last = end
        var wrapped: [Range<Int>] = []
        var pieceStart = first
        while last < text.count, last - first < Self.runLimit {
            if belongs(text.base[last]) {
                last += 1
            } else if form == .base64, text[last] == 10 || text.isLineEscape(at: last), last - pieceStart >= 60 {
                // Lines of 64 or 76, as `base64` writes them.
                let next = text.skipBlanks(text.nextLine(after: last))
                guard belongs(text[next]), next - last <= 24 else { break }
                var probe = next
                while belongs(text[probe]), probe - next < 200 { probe += 1 }
                guard probe - next >= 8 || text[probe] == 61 else { break }
                wrapped.append(pieceStart..<last)
                pieceStart = next
                last = next
            } else {
                break
            }
        }
        var lastPiece = pieceStart..<last
        while form == .base64, text[last] == 61, last - lastPiece.upperBound < 2 { last += 1 }
        lastPiece = pieceStart..<last
        encodedEnd = last
        guard last - first >= 16 else { return }
        // A data URL of an image or font.
        if text.has(";base64,", at: first - 8), text.find("data:image", in: max(0, first - 60)..<first) != nil {
            return
        }
        let pieces = wrapped + [lastPiece]
        var encoded: [UInt8] = []
        for piece in pieces { encoded += text.bytes(piece) }
        // The run's start may be glued to something else (`path/…`): a group begins at any of four places.
        for skip in 0..<(form == .hex ? 2 : 4) {
            guard
                let plain = form == .hex
                    ? Self.decodeHex(encoded.dropFirst(skip)) : Self.decodeBase64(encoded.dropFirst(skip)),
                plain.count >= 8
            else { continue }
            let narrowed = Self.narrowed(plain)
            let inner = try scanDecoded(narrowed ?? plain)
            guard !inner.isEmpty else { continue }
            if encoded.count <= 1024 || narrowed != nil {
                for piece in pieces { add("encoded-secret", piece) }
            } else {
                for finding in inner { mapBack(finding.range, pieces, skip, form) }
            }
            return
        }
    }

    /// ASCII text that is in UTF-16, little-endian, as PowerShell has it; nil for what is none.
    private static func narrowed(_ plain: [UInt8]) -> [UInt8]? {
        let odd = stride(from: 1, to: plain.count, by: 2)
        guard plain.count >= 16, odd.allSatisfy({ plain[$0] == 0 }) else { return nil }
        return stride(from: 0, to: plain.count, by: 2).map { plain[$0] }
    }

    private func scanDecoded(_ plain: [UInt8]) throws -> [Finding] {
        // Text has few control bytes; noise does not count, whatever it seems to hold.
        var odd = 0
        for byte in plain where byte < 9 || (byte > 13 && byte < 32) || byte == 127 || byte >= 0x80 { odd += 1 }
        guard odd * 10 <= plain.count else { return [] }
        return try plain.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return [] }
            let pass = DetectionPass(
                ByteText(base: base, count: buffer.count), rules: rules, syntax: .plain, scratch: scratch,
                depth: depth + 1)
            try pass.run()
            return pass.found
        }
    }

    /// The encoded bytes that carry `range` of what they decode to.
    private func mapBack(_ range: Range<Int>, _ pieces: [Range<Int>], _ skip: Int, _ form: Encoding) {
        let from = skip + (form == .hex ? range.lowerBound * 2 : range.lowerBound / 3 * 4)
        let to = skip + (form == .hex ? range.upperBound * 2 : (range.upperBound + 2) / 3 * 4)
        var offset = 0
        for piece in pieces {
            let low = max(from, offset)
            let high = min(to, offset + piece.count)
            if low < high {
                add("encoded-secret", (piece.lowerBound + low - offset)..<(piece.lowerBound + high - offset))
            }
            offset += piece.count
        }
    }

    func decodeBase64(_ text: ByteText, _ range: Range<Int>) -> [UInt8]? { Self.decodeBase64(text.bytes(range)[...]) }

    /// Base64 or base64url, with or without padding (RFC 4648); nil when a byte is of neither.
    static func decodeBase64(_ encoded: ArraySlice<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        out.reserveCapacity(encoded.count / 4 * 3 + 3)
        var bits: UInt32 = 0
        var count = 0
        for byte in encoded {
            let value: UInt32
            switch byte {
            case 65...90: value = UInt32(byte - 65)
            case 97...122: value = UInt32(byte - 71)
            case 48...57: value = UInt32(byte + 4)
            case 43, 45: value = 62
            case 47, 95: value = 63
            case 61: continue
            default: return nil
            }
            bits = bits << 6 | value
            count += 1
            if count == 4 {
                out.append(UInt8(truncatingIfNeeded: bits >> 16))
                out.append(UInt8(truncatingIfNeeded: bits >> 8))
                out.append(UInt8(truncatingIfNeeded: bits))
                bits = 0
                count = 0
            }
        }
        if count == 3 {
            out.append(UInt8(truncatingIfNeeded: bits >> 10))
            out.append(UInt8(truncatingIfNeeded: bits >> 2))
        } else if count == 2 {
            out.append(UInt8(truncatingIfNeeded: bits >> 4))
        }
        return out
    }

    static func decodeHex(_ encoded: ArraySlice<UInt8>) -> [UInt8]? {
        func digit(_ byte: UInt8) -> UInt8 { byte.isDigit ? byte - 48 : (byte | 32) - 87 }
        var out: [UInt8] = []
        var high: UInt8?
        for byte in encoded {
            guard byte.isHex else { return nil }
            if let value = high {
                out.append(value << 4 | digit(byte))
                high = nil
            } else {
                high = digit(byte)
            }
        }
        return out
    }

    // MARK: Anchors

    /// What secrets in plain text begin with or stand behind; encoded, these are anchors.
    /// What base64 of a script in UTF-16 stands behind.
    static let scriptOptions = ["-encodedcommand ", "-enc "]

    /// `powershell -EncodedCommand …`
    func encodedScriptHit(_ end: Int) throws {
        let start = text.skipBlanks(end)
        if text[start].isBase64, text[start + 1].isBase64 { try encodedHit(start, start + 1, .base64) }
    }

    private static let anchors = [
        "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "sk-ant", "sk-proj", "sk-or-v1", "sk_live_", "xoxb-", "xoxp-",
        "hf_", "AKIA",
        "AIza", "SG.", "gsk_", "npm_", "pypi-", "BEGIN PRIVATE", "BEGIN RSA PRIV", "BEGIN OPENSSH", "BEGIN EC PRIV",
        "API_KEY", "api_key",
        "apikey", "apiKey", "SECRET", "secret", "PASSWORD", "password", "Password", "passwd", "TOKEN=", "_TOKEN",
        "token\":", "_token",
        "ccessToken", "eyJhbGci", "xapp-", "pplx-", "r8_", "ntn_", "xai-", "AGE-SECRET", "Bearer ", "postgres://",
        "mongodb", "mysql://",
        "ya29.", "GOCSPX-", "dop_v1_", "whsec_", "shpat_", "sk-", "://",
    ]

    /// The anchors in base64 at each of its three alignments, and in hex; no shorter than four characters.
    static func encodedAnchors() -> [(bytes: [UInt8], form: Encoding)] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var result: [(bytes: [UInt8], form: Encoding)] = []
        for anchor in anchors {
            let plain = Array(anchor.utf8)
            for shift in 0..<3 {
                // The characters that depend on the anchor's own bytes alone.
                var bits: [Bool] = []
                for byte in plain { for bit in (0..<8).reversed() { bits.append(byte >> UInt8(bit) & 1 == 1) } }
                let lead = (6 - shift * 8 % 6) % 6
                var out: [UInt8] = []
                var index = lead
                while index + 6 <= bits.count {
                    var value = 0
                    for offset in 0..<6 { value = value << 1 | (bits[index + offset] ? 1 : 0) }
                    out.append(alphabet[value])
                    index += 6
                }
                if out.count >= 4 { result.append((out, .base64)) }
            }
            if plain.count >= 4 {
                let digits = Array("0123456789abcdef".utf8)
                result.append((plain.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, .hex))
            }
        }
        return result
    }
}
