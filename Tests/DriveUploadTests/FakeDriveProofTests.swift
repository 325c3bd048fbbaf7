import Glibc
import SystemPackage
import TestSupport
import Testing

/// The stand-in is worth what clients that others wrote say of it.
@Suite("The fake Drive is proven by real clients", .timeLimit(.minutes(5)))
struct FakeDriveProofTests {
    private static func succeeds(_ command: String) -> Bool { system("(\(command)) >/dev/null 2>&1") == 0 }

    private static let python: String? = {
        let own = getenv("HERMES_OPS_GOOGLE_PYTHON").map { String(cString: $0) }
        return [own, "python3"].compactMap { $0 }.first {
            succeeds("'\($0)' -c 'import googleapiclient, google_auth_httplib2'")
        }
    }()

    private func run(_ command: String, in drive: FakeDrive) throws {
        let output = drive.temporary.path.appending("output").string
        let status = system("(\(command)) >'\(output)' 2>&1")
        let said = String(decoding: try readAll(output), as: UTF8.self)
        #expect(status == 0, "\(said)")
        #expect(said.hasSuffix("proven\n"), "\(said)")
    }

    private func readAll(_ path: String) throws -> [UInt8] {
        let file = try FileDescriptor.open(FilePath(path), .readOnly)
        defer { try? file.close() }
        return try [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    @Test("google-api-python-client", .enabled(if: python != nil, "pip: google-api-python-client"))
    func google() throws {
        let drive = try FakeDrive()
        let script = TestServer.sourceRoot.appending("Tests/Servers/prove_fake_drive_with_google_client.py")
        try run("'\(try #require(Self.python))' -B '\(script.string)' \(drive.root)", in: drive)
    }

    @Test("rclone", .enabled(if: succeeds("command -v rclone && command -v curl"), "apt: rclone, curl"))
    func rclone() throws {
        let drive = try FakeDrive(tls: true)
        let script = TestServer.sourceRoot.appending("Tests/Servers/prove_fake_drive_with_rclone.sh")
        let path = drive.temporary.path.string
        try run("sh '\(script.string)' \(drive.port) '\(drive.authority.string)' '\(path)'", in: drive)
    }
}
