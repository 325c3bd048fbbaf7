internal import Glibc

/// How a text file is encoded. UTF-16 and UTF-32 are transcoded for scanning and written back with their byte order mark.
enum TextEncoding: UInt8, Sendable {
    case utf8
    /// A byte each, not UTF-8: Latin-1 and its like. Scanned as it is.
    case bytes
    case utf16LittleEndian, utf16BigEndian
    case utf16LittleEndianWithoutMark, utf16BigEndianWithoutMark
    case utf32LittleEndian, utf32BigEndian
    case utf32LittleEndianWithoutMark, utf32BigEndianWithoutMark

    /// The encoding of a text file; nil for what is no text.
    static func of(_ bytes: [UInt8]) -> TextEncoding? {
        for (encoding, mark) in [(utf32LittleEndian, [0xFF, 0xFE, 0, 0]), (utf32BigEndian, [0, 0, 0xFE, 0xFF])]
            as [(TextEncoding, [UInt8])]
        where bytes.starts(with: mark) {
            return encoding.isText32(bytes) ? encoding : nil
        }
        if utf16LittleEndian.isMarked(bytes) {
            return bytes.count % 2 == 0 && isText16(bytes, high: 1) ? .utf16LittleEndian : nil
        }
        if utf16BigEndian.isMarked(bytes) {
            return bytes.count % 2 == 0 && isText16(bytes, high: 0) ? .utf16BigEndian : nil
        }
        return bytes.withUnsafeBytes { raw -> TextEncoding? in
            guard let base = raw.baseAddress, memchr(base, 0, raw.count) != nil else {
                if isUTF8(raw) { return .utf8 }
                // Text in an 8-bit encoding has hardly any control characters; compressed bytes have many.
                var controls = 0
                for byte in raw where (byte < 0x20 && ![9, 10, 12, 13, 27].contains(byte)) || byte == 0x7F {
                    controls += 1
                }
                return controls * 200 <= raw.count ? .bytes : nil
            }
            guard raw.count % 2 == 0, raw.count >= 4 else { return nil }
            for encoding in [utf32LittleEndianWithoutMark, utf32BigEndianWithoutMark] where encoding.isText32(bytes) {
                return encoding
            }
            // Western text in UTF-16 has zeros at every other place.
            var zeros = (even: 0, odd: 0)
            for index in stride(from: 0, to: min(raw.count, 4096), by: 2) {
                if raw[index] == 0 { zeros.even += 1 }
                if raw[index + 1] == 0 { zeros.odd += 1 }
            }
            let half = min(raw.count, 4096) / 2
            if zeros.odd * 10 >= half * 9, zeros.even == 0 {
                return isText16(bytes, high: 1) ? .utf16LittleEndianWithoutMark : nil
            }
            if zeros.even * 10 >= half * 9, zeros.odd == 0 {
                return isText16(bytes, high: 0) ? .utf16BigEndianWithoutMark : nil
            }
            return nil
        }
    }

    /// Whether all of it is Unicode scalars in four bytes each, no control characters but blanks.
    private func isText32(_ bytes: [UInt8]) -> Bool {
        guard bytes.count % 4 == 0 else { return false }
        return stride(from: hasMark ? 4 : 0, to: bytes.count, by: 4).allSatisfy { index in
            guard let scalar = Unicode.Scalar(unit32(bytes, index)) else { return false }
            return scalar.value >= 0x20 || [9, 10, 12, 13].contains(scalar.value)
        }
    }

    private func unit32(_ bytes: [UInt8], _ index: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 << 8 | UInt32(bytes[index + (isBigEndian ? $1 : 3 - $1)]) }
    }

    /// Whether 16-bit units are text: surrogates in pairs, no control characters but blanks.
    private static func isText16(_ bytes: [UInt8], high: Int) -> Bool {
        var expectsLow = false
        for index in stride(from: 0, to: bytes.count - 1, by: 2) {
            let unit = UInt16(bytes[index + high]) << 8 | UInt16(bytes[index + 1 - high])
            let isLow = (0xDC00...0xDFFF).contains(unit)
            if expectsLow != isLow { return false }
            expectsLow = (0xD800...0xDBFF).contains(unit)
            if unit < 0x20, ![9, 10, 12, 13].contains(unit) { return false }
        }
        return !expectsLow
    }

    private static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let high: UInt64 = 0x8080_8080_8080_8080
        @inline(__always) func eight(_ index: Int) -> UInt64 {
            bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        }
        var index = 0
        let count = bytes.count
        while index < count {
            // Thirty-two ASCII bytes at a time, or eight.
            while index + 32 <= count,
                (eight(index) | eight(index + 8) | eight(index + 16) | eight(index + 24)) & high == 0
            {
                index += 32
            }
            while index + 8 <= count, eight(index) & high == 0 { index += 8 }
            guard index < count else { break }
            let lead = bytes[index]
            if lead < 0x80 {
                index += 1
                continue
            }
            let length = lead >= 0xF5 ? 0 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0
            guard length > 0, index + length <= count else { return false }
            for offset in 1..<length where bytes[index + offset] & 0xC0 != 0x80 { return false }
            let second = bytes[index + 1]
            // Overlong forms, surrogates, beyond U+10FFFF.
            switch lead {
            case 0xE0 where second < 0xA0, 0xED where second > 0x9F, 0xF0 where second < 0x90, 0xF4 where second > 0x8F:
                return false
            default: break
            }
            index += length
        }
        return true
    }

    /// Whether bytes begin with the mark of this form of UTF-16.
    func isMarked(_ bytes: [UInt8]) -> Bool {
        switch self {
        case .utf16LittleEndian: bytes.starts(with: [0xFF, 0xFE])
        case .utf16BigEndian: bytes.starts(with: [0xFE, 0xFF])
        default: false
        }
    }

    var isWide: Bool { self != .utf8 && self != .bytes }

    /// The text as UTF-8 without a byte order mark, for UTF-16 and UTF-32; nil where the bytes are scanned as they are.
    func decoded(_ bytes: [UInt8]) -> [UInt8]? {
        guard isWide else { return nil }
        if isFourBytes {
            var text = String.UnicodeScalarView()
            for index in stride(from: hasMark ? 4 : 0, to: bytes.count - 3, by: 4) {
                text.append(Unicode.Scalar(unit32(bytes, index)) ?? "\u{FFFD}")
            }
            return Array(String(text).utf8)
        }
        let high = isBigEndian ? 0 : 1
        let start = hasMark ? 2 : 0
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2)
        for index in stride(from: start, to: bytes.count - 1, by: 2) {
            units.append(UInt16(bytes[index + high]) << 8 | UInt16(bytes[index + 1 - high]))
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }

    /// What ``decoded(_:)`` gave, back in this encoding.
    func encoded(_ text: [UInt8]) -> [UInt8] {
        guard isWide else { return text }
        var out: [UInt8] = []
        func append(_ unit: UInt32, bytes: UInt32) {
            for place in 0..<bytes {
                out.append(UInt8(truncatingIfNeeded: unit >> (8 * (isBigEndian ? bytes - 1 - place : place))))
            }
        }
        let text = String(decoding: text, as: UTF8.self)
        if isFourBytes {
            if hasMark { append(0xFEFF, bytes: 4) }
            for scalar in text.unicodeScalars { append(scalar.value, bytes: 4) }
        } else {
            if hasMark { append(0xFEFF, bytes: 2) }
            for unit in text.utf16 { append(UInt32(unit), bytes: 2) }
        }
        return out
    }

    private var hasMark: Bool {
        [.utf16LittleEndian, .utf16BigEndian, .utf32LittleEndian, .utf32BigEndian].contains(self)
    }

    private var isBigEndian: Bool {
        [.utf16BigEndian, .utf16BigEndianWithoutMark, .utf32BigEndian, .utf32BigEndianWithoutMark].contains(self)
    }

    private var isFourBytes: Bool {
        switch self {
        case .utf32LittleEndian, .utf32BigEndian, .utf32LittleEndianWithoutMark, .utf32BigEndianWithoutMark: true
        case .utf8, .bytes, .utf16LittleEndian, .utf16BigEndian, .utf16LittleEndianWithoutMark,
            .utf16BigEndianWithoutMark:
            false
        }
    }
}
