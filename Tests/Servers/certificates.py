"""Makes a certificate authority and server certificates with openssl, for tests."""
import os
import subprocess


def run(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make(folder, names):
    """Writes ca.pem, and for each (file name, subjectAltName) a NAME.pem with key and certificate."""
    ca_key, ca = os.path.join(folder, "ca.key"), os.path.join(folder, "ca.pem")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run("req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-days", "2", "-subj", "/CN=hermes-ops test authority",
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    for serial, (name, alternatives) in enumerate(names, 1):
        key, request, certificate, extensions = (
            os.path.join(folder, name + suffix) for suffix in (".key", ".csr", ".crt", ".ext"))
        with open(extensions, "w") as file:
            file.write(f"subjectAltName={alternatives}\nbasicConstraints=CA:FALSE\n")
        run("req", *curve, "-keyout", key, "-out", request, "-subj", "/CN=" + name)
        run("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-set_serial", str(serial), "-days", "2",
            "-extfile", extensions, "-out", certificate)
        with open(os.path.join(folder, name + ".pem"), "wb") as bundle:
            for part in (key, certificate):
                with open(part, "rb") as file:
                    bundle.write(file.read())
