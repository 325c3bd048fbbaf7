extension [UInt8] {
    /// Appends a number in decimal digits. Not by way of a string: some are written for every file of a home.
    public mutating func append(decimal value: some BinaryInteger) {
        if value < 0 { append(UInt8(ascii: "-")) }
        guard let magnitude = UInt64(exactly: value.magnitude) else {
            return append(contentsOf: String(value.magnitude).utf8)
        }
        append(digits: magnitude, count: 1)
    }

    /// Appends decimal digits, at least `count` (up to 20): zeros stand before a shorter number.
    public mutating func append(digits value: UInt64, count: Int) {
        precondition(count <= 20, "a number of 64 bits has at most 20 digits")
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = value
            var start = digits.count
            while rest > 0 || digits.count - start < count {
                start -= 1
                digits[start] = 48 + UInt8(rest % 10)
                rest /= 10
            }
            append(contentsOf: UnsafeBufferPointer(rebasing: digits[start...]))
        }
    }

    /// Appends text that is known when the program is built.
    public mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
