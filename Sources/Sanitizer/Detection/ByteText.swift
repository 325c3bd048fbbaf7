/// The bytes under the scan, with the questions that every rule asks of them.
///
/// Reading outside gives zero: rules look around a hit without asking where the text ends.
struct ByteText: @unchecked Sendable {
    let base: UnsafePointer<UInt8>
    let count: Int

    @inline(__always) subscript(index: Int) -> UInt8 {
        index >= 0 && index < count ? base[index] : 0
    }

    /// The eight bytes from `index` on, the first one lowest.
    @inline(__always) func eightBytes(at index: Int) -> UInt64 {
        if index >= 0, index &+ 8 <= count {
            return UInt64(littleEndian: UnsafeRawPointer(base).loadUnaligned(fromByteOffset: index, as: UInt64.self))
        }
        var word: UInt64 = 0
        for offset in 0..<8 { word |= UInt64(self[index &+ offset]) << UInt64(8 &* offset) }
        return word
    }

    func bytes(_ range: Range<Int>) -> [UInt8] {
        Array(UnsafeBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// Whether the text at `index` is `word`; ASCII letters match in both cases when `word` is lower case.
    @inline(__always) func has(_ word: StaticString, at index: Int) -> Bool {
        let length = word.utf8CodeUnitCount
        guard index >= 0, index + length <= count else { return false }
        let wanted = word.utf8Start
        for offset in 0..<length where lowered(base[index + offset]) != wanted[offset] { return false }
        return true
    }

    /// The first place of `byte` in `range`.
    @inline(__always) func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
        var index = range.lowerBound
        let end = min(range.upperBound, count)
        while index < end {
            if base[index] == byte { return index }
            index += 1
        }
        return nil
    }

    /// Whether one of the bytes in `range` is a digit.
    func hasDigit(in range: Range<Int>) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var index = max(0, range.lowerBound)
        let end = min(range.upperBound, count)
        while index &+ 8 <= end {
            // Digits are 0 to 9 now, and only they stay below 128 when 118 is added to seven bits.
            let bytes = eightBytes(at: index) ^ (0x30 &* ones)
            if ~(bytes | ((bytes & (0x7F &* ones)) &+ (0x76 &* ones))) & (0x80 &* ones) != 0 { return true }
            index &+= 8
        }
        while index < end {
            if base[index].isDigit { return true }
            index &+= 1
        }
        return false
    }

    /// Where `word` (lower case) begins in `range`, letters in both cases.
    func find(_ word: StaticString, in range: Range<Int>) -> Int? {
        let length = word.utf8CodeUnitCount
        guard length > 0 else { return nil }
        var index = max(0, range.lowerBound)
        let end = min(range.upperBound, count) &- length
        // Eight places at a time by the word's first two bytes.
        if length > 1 {
            let first = ByteOfEight(word.utf8Start[0])
            let second = ByteOfEight(word.utf8Start[1])
            while index &+ 7 <= end {
                var hits = ByteOfEight.zeros(
                    first.differences(eightBytes(at: index)) | second.differences(eightBytes(at: index &+ 1)))
                while hits != 0 {
                    let place = index &+ hits.trailingZeroBitCount / 8
                    if has(word, at: place) { return place }
                    hits &= hits &- 1
                }
                index &+= 8
            }
        }
        while index <= end {
            if has(word, at: index) { return index }
            index &+= 1
        }
        return nil
    }

    /// A byte to look for among eight; a small letter stands for its capital too.
    private struct ByteOfEight {
        private static let ones: UInt64 = 0x0101_0101_0101_0101
        private let byte: UInt64
        private let fold: UInt64

        @inline(__always) init(_ byte: UInt8) {
            self.byte = UInt64(byte) &* Self.ones
            fold = byte.isLower ? 0x20 &* Self.ones : 0
        }

        /// Zero in each byte that is the one looked for.
        @inline(__always) func differences(_ eight: UInt64) -> UInt64 { (eight | fold) ^ byte }

        /// The highest bit of each byte that is zero, and perhaps of bytes above one that is.
        @inline(__always) static func zeros(_ eight: UInt64) -> UInt64 { (eight &- ones) & ~eight & (0x80 &* ones) }
    }

    // MARK: Lines

    /// The end of the line that `index` is in: a newline, or the two bytes `\n` or `\r` of a string in JSON, at any depth of escaping;
    /// at most `limit` bytes away.
    @inline(__always) func lineEnd(from index: Int, limit: Int = 4096) -> Int {
        var position = index
        let end = min(count, index + limit)
        while position < end {
            let byte = base[position]
            if byte == 10 || byte == 13 { return position }
            if byte == UInt8(ascii: "\\"), isLineEscape(at: position) { return position }
            position += 1
        }
        return end
    }

    /// Where the line that `index` is in begins, seen as ``lineEnd(from:limit:)`` sees lines.
    @inline(__always) func lineStart(before index: Int, limit: Int = 4096) -> Int {
        var position = index
        let start = max(0, index - limit)
        while position > start {
            let byte = base[position - 1]
            if byte == 10 || byte == 13 { return position }
            if byte == UInt8(ascii: "n") || byte == UInt8(ascii: "r"), self[position - 2] == UInt8(ascii: "\\") {
                return position
            }
            position -= 1
        }
        return start
    }

    /// Whether a backslash at `index` begins an escaped newline or tab (`\n`, `\\n`, …).
    @inline(__always) func isLineEscape(at index: Int) -> Bool {
        var position = index
        while self[position] == UInt8(ascii: "\\") { position += 1 }
        let byte = self[position]
        return position > index && (byte == UInt8(ascii: "n") || byte == UInt8(ascii: "r"))
    }

    /// The start of the next line after the line end at `index`.
    func nextLine(after index: Int) -> Int {
        var position = index
        if self[position] == UInt8(ascii: "\\") {
            while self[position] == UInt8(ascii: "\\") { position += 1 }
            position += 1
            // `\r\n` is one line end.
            if self[position - 1] == UInt8(ascii: "r"), isLineEscape(at: position) { return nextLine(after: position) }
            return position
        }
        if self[position] == 13, self[position + 1] == 10 { return position + 2 }
        return position + 1
    }

    /// The first byte from `index` on that is no space or tab.
    @inline(__always) func skipBlanks(_ index: Int) -> Int {
        var position = index
        while position < count, base[position] == 32 || base[position] == 9 { position += 1 }
        return position
    }

    /// The first byte from `index` on that is no white space; `\n`, `\r` and `\t` escapes count as white space.
    func skipSpace(_ index: Int) -> Int {
        var position = index
        while position < count {
            let byte = base[position]
            if byte == 32 || (9...13).contains(byte) {
                position += 1
            } else if byte == UInt8(ascii: "\\") {
                var after = position
                while self[after] == UInt8(ascii: "\\") { after += 1 }
                let letter = self[after]
                guard letter == UInt8(ascii: "n") || letter == UInt8(ascii: "r") || letter == UInt8(ascii: "t") else {
                    return position
                }
                position = after + 1
            } else {
                return position
            }
        }
        return position
    }

    // MARK: Boundaries

    /// Whether a token may begin at `index`: no letter, digit or underscore stands before it, save as the tail of an escape (`\n`,
    /// `%3D`, `\u003d`, a terminal's colour `[0m`).
    @inline(__always) func isTokenStart(_ index: Int) -> Bool {
        let before = self[index - 1]
        guard before.isWord else { return true }
        if before == UInt8(ascii: "n") || before == UInt8(ascii: "r") || before == UInt8(ascii: "t") {
            if self[index - 2] == UInt8(ascii: "\\") { return true }
        }
        if before.isHex, self[index - 2].isHex {
            if self[index - 3] == UInt8(ascii: "%") { return true }
            if self[index - 5] == UInt8(ascii: "u"), self[index - 6] == UInt8(ascii: "\\") { return true }
        }
        if before == UInt8(ascii: "m"), self[index - 2].isDigit {
            var back = index - 2
            while self[back].isDigit || self[back] == UInt8(ascii: ";") { back -= 1 }
            return self[back] == UInt8(ascii: "[")
        }
        return false
    }
}

@inline(__always) func lowered(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 32 : byte }

extension UInt8 {
    @inline(__always) var isDigit: Bool { self &- 48 < 10 }
    @inline(__always) var isLetter: Bool { (self | 32) &- 97 < 26 }
    @inline(__always) var isUpper: Bool { self &- 65 < 26 }
    @inline(__always) var isLower: Bool { self &- 97 < 26 }
    @inline(__always) var isHex: Bool { isDigit || (self | 32) &- 97 < 6 }
    /// Whether it is one of these ASCII characters. No array: one would be made anew at each question.
    @inline(__always) func isOne(of characters: StaticString) -> Bool {
        for index in 0..<characters.utf8CodeUnitCount where characters.utf8Start[index] == self { return true }
        return false
    }
    /// A letter, digit or underscore.
    @inline(__always) var isWord: Bool { isLetter || isDigit || self == 95 }
    /// A byte of a name in some syntax: words, hyphens, dots; and letters of other alphabets.
    @inline(__always) var isName: Bool { isWord || self == 45 || self == 46 || self >= 0x80 }
    @inline(__always) var isBlank: Bool { self == 32 || self == 9 }
    @inline(__always) var isSpace: Bool { self == 32 || self &- 9 < 5 }
    @inline(__always) var isQuote: Bool { self == 34 || self == 39 || self == 96 }
    /// A byte of base64 or base64url.
    @inline(__always) var isBase64: Bool { isLetter || isDigit || self == 43 || self == 47 || self == 45 || self == 95 }
    /// A byte of a token: base64 in both alphabets, with the dots and tildes that tokens use too.
    @inline(__always) var isTokenByte: Bool { isBase64 || self == 46 || self == 126 || self == 61 }
}
