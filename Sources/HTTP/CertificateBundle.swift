internal import CCurl
internal import Support
internal import SystemPackage

/// The system's certificates and those of a file, as one PEM text in memory that stays where it is for libcurl.
final class CertificateBundle: Sendable {
    // Written once, before init returns.
    nonisolated(unsafe) private let memory: UnsafeMutableRawBufferPointer

    init(adding file: FilePath) throws {
        func failure(_ reason: String) -> OperatorError {
            OperatorError(
                "network.ca-file", doing: "reading the certificates in", subject: file.printable, reason: reason,
                advice: "let network.caFile name a PEM file that this user may read", exit: .configuration)
        }
        let added: [UInt8]
        do {
            added = try FileSystem.read(file, limit: 16 << 20)
        } catch let error as OperatorError {
            throw failure(error.reason)
        }
        guard String(decoding: added, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
            throw failure("it holds no certificate in PEM form")
        }
        var path = "/etc/ssl/certs/ca-certificates.crt"
        if let information = curl_version_info(CURLVERSION_SEVENTH), let known = information.pointee.cainfo {
            path = String(cString: known)
        }
        // A machine without a bundle file still has libcurl's certificate folder, which is asked besides.
        let system = (try? FileSystem.read(FilePath(path), limit: 64 << 20)) ?? []
        let all = system + [10] + added
        memory = .allocate(byteCount: all.count, alignment: 1)
        memory.copyBytes(from: all)
    }

    deinit { memory.deallocate() }

    /// A description for CURLOPT_CAINFO_BLOB that points at this object's memory.
    var blob: curl_blob { curl_blob(data: memory.baseAddress, len: memory.count, flags: UInt32(CURL_BLOB_NOCOPY)) }
}
