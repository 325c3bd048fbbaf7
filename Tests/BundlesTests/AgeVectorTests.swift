internal import CZlib
internal import Support
internal import SystemPackage
internal import Testing

@testable internal import Bundles

/// The public age test vectors (C2SP CCTV): headers that say what to expect, an empty line, the file.
private struct AgeVector: CustomTestStringConvertible, Sendable {
    let name: String
    let fields: [(key: String, value: String)]
    let file: [UInt8]

    var testDescription: String { name }
    func values(_ key: String) -> [String] { fields.filter { $0.key == key }.map(\.value) }

    init(_ path: FilePath) throws {
        name = path.lastComponent?.string ?? ""
        var rest = try FileSystem.read(path, limit: 64 << 20)[...]
        var fields: [(key: String, value: String)] = []
        while let end = rest.firstIndex(of: 10), end > rest.startIndex {
            let line = String(decoding: rest[..<end], as: UTF8.self)
            let colon = try #require(line.firstRange(of: ": "))
            fields.append((String(line[..<colon.lowerBound]), String(line[colon.upperBound...])))
            rest = rest[(end + 1)...]
        }
        self.fields = fields
        let body = Array(rest.dropFirst())
        file = fields.contains { $0.key == "compressed" } ? try inflate(body) : body
    }

    static let all: [AgeVector] = {
        // Another folder of vectors can be named, to run the ones that are not in this repository.
        let named = environment("HERMES_OPS_AGE_VECTORS").map { FilePath($0) }
        let folder = named ?? FilePath(#filePath).removingLastComponent().appending("Vectors")
        let names = (try? DirectoryListing.names(at: folder)) ?? []
        return names.compactMap { try? AgeVector(FilePath(bytes: folder.bytes + [47] + $0)) }
    }()
}

private func inflate(_ bytes: [UInt8]) throws -> [UInt8] {
    var output = [UInt8](repeating: 0, count: 64 << 20)
    var length = uLongf(output.count)
    try #require(uncompress(&output, &length, bytes, uLong(bytes.count)) == Z_OK)
    return Array(output[..<Int(length)])
}

@Suite struct AgeVectorTests {
    @Test func theVectorsAreThere() { #expect(AgeVector.all.count >= 75) }

    @Test(arguments: AgeVector.all) private func vector(_ vector: AgeVector) throws {
        var identities = try vector.values("identity").map { try AgeIdentity(Secret($0.utf8)) }
        identities += vector.values("passphrase").map { AgeIdentity.passphrase(Secret($0.utf8)) }
        let sink = MemorySink()
        var outcome = "success"
        do {
            try AgeDecryptor(
                MemorySource(vector.file), identities: identities,
                form: vector.values("armored").isEmpty ? .binary : .armored
            ).copy(to: sink)
        } catch let error as OperatorError {
            #expect(error.exit == .damagedInput)
            outcome =
                switch try #require(AgeFailure(rawValue: error.type), "\(error)") {
                case .header: "header failure"
                case .noMatch: "no match"
                case .mac: "HMAC failure"
                case .payload: "payload failure"
                case .armor: "armor failure"
                }
        }
        #expect([outcome] == vector.values("expect"))
        // What was released before a failure is named too.
        if let payload = vector.values("payload").first {
            #expect(hex(Digest.of(sink.bytes, .sha256)) == payload)
        } else {
            #expect(sink.bytes.isEmpty)
        }
        // The form is also found without being told, and then the outcome is the same kind: success or not.
        let detected = Result {
            try AgeDecryptor(MemorySource(vector.file), identities: identities).copy(to: MemorySink())
        }
        #expect((detected.failure == nil) == (outcome == "success"))
    }
}
