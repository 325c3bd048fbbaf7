import Glibc
import Stores
import Support
import SystemPackage
import TestSupport
import Testing

@testable import DriveUpload

/// Run with HERMES_OPS_STRESS=1. The server is the same for both sides and slower than either.
@Suite("Throughput", .enabled(if: getenv("HERMES_OPS_STRESS") != nil), .serialized, .timeLimit(.minutes(5)))
struct ThroughputTests {
    @Test("An upload keeps up with curl -T")
    func upload() async throws {
        let drive = try FakeDrive(isMortal: true)
        let size = 256 << 20
        var best = (ours: 0.0, curl: 0.0)
        for round in 0..<3 {
            let bundle = try await drive.bundle(size, name: "round\(round).age")
            let store = try drive.store {
                $0 = DriveLimits()
            }
            let start = SystemTime().uptime
            #expect(try await store.put(bundle, progress: NoProgress()).isVerified)
            let ours = (SystemTime().uptime - start).inSeconds
            let token = try await drive.token()
            let session = drive.temporary.path.appending("session").string
            let initiate =
                "curl -sS --noproxy '*' -D '\(session)' -o /dev/null -H 'Authorization: Bearer \(token)' -H 'Content-Type: application/json' "
                + "-H 'X-Upload-Content-Length: \(size)' -d '{\"name\": \"c\", \"parents\": [\"folder0\"]}' "
                + "'\(drive.root)/upload/drive/v3/files?uploadType=resumable'"
            #expect(system(initiate) == 0)
            let upload =
                "curl -sS --noproxy '*' -H Expect: -o /dev/null -T '\(bundle.file.string)' \"$(sed -n 's/^Location: //p' '\(session)' | tr -d '\\r')\""
            let curlStart = SystemTime().uptime
            #expect(system(upload) == 0)
            let curl = (SystemTime().uptime - curlStart).inSeconds
            best.ours = max(best.ours, Double(size) / ours / 1e6)
            best.curl = max(best.curl, Double(size) / curl / 1e6)
        }
        print("upload: \(Int(best.ours)) MB/s, curl -T: \(Int(best.curl)) MB/s, ratio \(best.ours / best.curl)")
        #expect(best.ours > 0.6 * best.curl)
    }
}
