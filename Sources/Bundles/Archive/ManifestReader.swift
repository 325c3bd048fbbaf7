internal import Foundation
internal import Support

/// Reads a manifest as its bytes come, and hands over its entries one by one: what is kept is one entry, and all that is none.
struct ManifestReader {
    private enum Place { case outside, between, entry }

    /// The manifest with no entries between the brackets.
    private var head: [UInt8] = []
    private var entry: [UInt8] = []
    private var place = Place.outside
    private var isString = false
    private var isEscaped = false
    /// How many objects and arrays are open: outside, and in the entry.
    private var depth = 0
    private var entryDepth = 0
    /// Where the last string of the manifest's own object stands in the head.
    private var name = 0..<0
    private var isListNext = false
    private var isComma = false
    private var hasList = false
    private var isTooLong = false
    /// Two paths, each byte of them as an escape, and the rest.
    private static let entryLimit = 64 << 10
    /// What is wrong with the entries: told after the version, which may explain it.
    private var failure: (any Error)?
    private let take: (BundleManifest.Entry) throws -> Void

    /// `take` gets the entries in their order; what it throws comes from ``finish()``.
    init(_ take: @escaping (BundleManifest.Entry) throws -> Void) { self.take = take }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        guard !isTooLong else { return }
        // What belongs to the current place and is not kept yet.
        var start = 0
        for (index, byte) in bytes.enumerated() {
            if isString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isString = false
                    if place == .outside, depth == 1 { name = name.lowerBound..<(head.count + index - start) }
                }
                continue
            }
            if place == .between || isListNext, [9, 10, 13, 32].contains(byte) { continue }
            if isListNext {
                isListNext = false
                if byte == UInt8(ascii: "[") {
                    keep(&start, bytes[start...index])
                    depth += 1
                    (place, hasList) = (.between, true)
                    continue
                }
            }
            if place == .between {
                if byte == UInt8(ascii: "]") {
                    if isComma { fail() }
                    leaveList(&start, index)
                    continue
                }
                (place, entryDepth, start) = (.entry, 0, index)
            }
            switch byte {
            case UInt8(ascii: "\""):
                isString = true
                if place == .outside, depth == 1 {
                    let start = head.count + index - start + 1
                    name = start..<start
                }
            case UInt8(ascii: ":") where place == .outside && depth == 1:
                keep(&start, bytes[start...index])
                isListNext = head[name].elementsEqual("entries".utf8)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if place == .outside { depth += 1 } else { entryDepth += 1 }
            case UInt8(ascii: "]") where place == .entry && entryDepth == 0:
                handOver(bytes[start..<index])
                leaveList(&start, index)
            case UInt8(ascii: ",") where place == .entry && entryDepth == 0:
                handOver(bytes[start..<index])
                (place, isComma) = (.between, true)
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if place == .outside { depth -= 1 } else { entryDepth -= 1 }
            default: break
            }
        }
        switch place {
        case .outside: head += bytes[start...]
        case .between: break
        case .entry: entry += bytes[start...]
        }
        // A few KiB of a bundle can stand for all of it.
        if head.count > BundleManifest.headLimit || entry.count > Self.entryLimit { isTooLong = true }
    }

    /// The manifest without its entries. Throws where it is none, then what was wrong with an entry.
    func finish() throws -> BundleManifest {
        guard !isTooLong else { throw BundleDamage.error("its manifest says more than a manifest does") }
        let manifest = try BundleManifest(head: head)
        guard hasList else { throw Self.malformed }
        if let failure { throw failure }
        return manifest
    }

    private mutating func keep(_ start: inout Int, _ bytes: Slice<UnsafeRawBufferPointer>) {
        head += bytes
        start += bytes.count
    }

    private mutating func leaveList(_ start: inout Int, _ index: Int) {
        depth -= 1
        (place, isComma, start) = (.outside, false, index)
    }

    private mutating func handOver(_ bytes: Slice<UnsafeRawBufferPointer>) {
        defer { entry.removeAll(keepingCapacity: true) }
        entry += bytes
        guard failure == nil else { return }
        do {
            guard let entry = entry.withUnsafeBufferPointer(BundleManifest.EntryLines.read) else {
                // A general decoder takes ten times as long.
                try JSONValue.refuseRepeatedKeys(in: entry)
                return try take(try JSONDecoder().decode(BundleManifest.Entry.self, from: Data(entry)))
            }
            try take(entry)
        } catch let error as OperatorError {
            failure = error
        } catch let error as JSONValue.SyntaxError {
            failure = BundleManifest.disagreement(error)
        } catch {
            fail()
        }
    }

    private mutating func fail() { if failure == nil { failure = Self.malformed } }

    private static var malformed: OperatorError {
        BundleDamage.error("its manifest does not say what a manifest says")
    }
}
