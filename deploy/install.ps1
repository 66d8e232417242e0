# Installs Easel on Windows for this user, with the build of torch that fits the graphics card. From the source folder:
#   powershell -ExecutionPolicy Bypass -File deploy\install.ps1 [-Torch cpu] [-Folder C:\easel]
param(
    [string]$Torch = "auto",                                  # or cpu, cu128 ..., as uv names builds of torch
    [string]$Folder = (Join-Path $env:USERPROFILE "easel")    # where settings, LoRAs and pictures will lie
)
$ErrorActionPreference = "Stop"
$Source = Split-Path -Parent $PSScriptRoot

function Invoke-Checked([string]$Program, [string[]]$Arguments) {
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { throw "$Program $($Arguments -join ' ') ended with exit code $LASTEXITCODE." }
}

if (-not (Get-Command uv -ErrorAction SilentlyContinue)) {
    Invoke-Checked "winget" @("install", "--exact", "--id", "astral-sh.uv")
    $env:Path = [Environment]::GetEnvironmentVariable("Path", "Machine") + ";" + [Environment]::GetEnvironmentVariable("Path", "User")
}
# uv brings a Python of its own where there is none that fits.
Invoke-Checked "uv" @("tool", "install", "--force", "--torch-backend", $Torch, "--constraints", "$Source\constraints.txt", $Source)
Invoke-Checked "uv" @("tool", "update-shell")
$Easel = Join-Path (& uv tool dir --bin) "easel.exe"
if (-not (Test-Path (Join-Path $Folder "config.toml"))) {
    Invoke-Checked $Easel @("init", "--demo", $Folder)
}
Invoke-Checked $Easel @("doctor", "--config", (Join-Path $Folder "config.toml"))
Write-Host "Done. In a new window: easel demo"
