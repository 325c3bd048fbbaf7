internal import Support
internal import Testing

/// Numbers as bytes of text.
@Suite struct DecimalTextTests {
    private func text(_ write: (inout [UInt8]) -> Void) -> String {
        var bytes: [UInt8] = []
        write(&bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func numbersAreWrittenAsStringsWriteThem() {
        let numbers: [Int128] = [
            0, 9, 10, -1, -10, 123_456_789, Int128(Int64.max), Int128(Int64.min), Int128(UInt64.max),
            Int128(UInt64.max) + 1, .max, .min,
        ]
        for number in numbers { #expect(text { $0.append(decimal: number) } == String(number)) }
        for _ in 0..<1000 {
            let number = Int64.random(in: .min ... .max) >> Int64.random(in: 0..<64)
            #expect(text { $0.append(decimal: number) } == String(number))
        }
    }

    @Test func shortNumbersGetZerosBeforeThem() {
        #expect(text { $0.append(digits: 42, count: 9) } == "000000042")
        #expect(text { $0.append(digits: 0, count: 1) } == "0")
        #expect(text { $0.append(digits: 1234, count: 2) } == "1234")
        #expect(text { $0.append(digits: .max, count: 20) } == String(UInt64.max))
        #expect(text { $0.append(digits: 7, count: 20) } == String(repeating: "0", count: 19) + "7")
    }

    @Test func hexadecimalIsWrittenInPlace() {
        let bytes = (0...255).map { UInt8($0) }
        let out = [UInt8](unsafeUninitializedCapacity: 512) { out, count in
            writeHex(bytes, to: out)
            count = 512
        }
        #expect(String(decoding: out, as: UTF8.self) == hex(bytes))
        #expect(hex(bytes).hasPrefix("000102") && hex(bytes).hasSuffix("fdfeff"))
    }
}
