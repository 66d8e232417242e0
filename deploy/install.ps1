# Installs or upgrades Easel on Windows for this user, with the build of torch that fits the graphics card. Stop the bot
# first. Run this script from the unpacked archive of a release:
#   powershell -ExecutionPolicy Bypass -File deploy\install.ps1 [-Torch cpu] [-Folder C:\easel] [-Extras "classifier,faces"]
param(
    [string]$Torch = "auto",                                  # or cpu, cu126, cu130 ..., as uv names builds of torch
    [string]$Folder = (Join-Path $env:USERPROFILE "easel"),   # the folder of config.toml
    [string]$Extras = "",                                     # extras of Easel, separated by commas
    [switch]$SkipBackup                                       # upgrade without a copy of the database
)
$ErrorActionPreference = "Stop"
$Source = Split-Path -Parent $PSScriptRoot
$Config = Join-Path $Folder "config.toml"

function Invoke-Checked([string]$Program, [string[]]$Arguments) {
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { throw "$Program $($Arguments -join ' ') ended with exit code $LASTEXITCODE." }
}

$Wheels = @(Get-ChildItem -Path (Join-Path $Source "dist") -Filter "*.whl" -ErrorAction SilentlyContinue)
if ($Wheels.Count -ne 1) { throw "There must be one wheel in $Source\dist. Unpack the archive of a release again." }
$Package = $Wheels[0].FullName
if ($Extras) { $Package = "${Package}[$Extras]" }

if (-not (Get-Command uv -ErrorAction SilentlyContinue)) {
    Invoke-Checked "winget" @("install", "--exact", "--id", "astral-sh.uv")
    $env:Path = [Environment]::GetEnvironmentVariable("Path", "Machine") + ";" + [Environment]::GetEnvironmentVariable("Path", "User")
}
$Easel = Join-Path (& uv tool dir --bin) "easel.exe"
if ((Test-Path $Easel) -and (Test-Path $Config) -and -not $SkipBackup) {
    # The installed version copies its database before the new version replaces it.
    & $Easel backup --config $Config
    if ($LASTEXITCODE -ne 0) {
        throw "The backup failed, so Easel was not upgraded. Fix the problem above. If there is no database yet, use -SkipBackup."
    }
}
# If no suitable Python is installed, uv downloads one.
Invoke-Checked "uv" @("tool", "install", "--force", "--torch-backend", $Torch, "--constraints", "$Source\constraints.txt", $Package)
Invoke-Checked "uv" @("tool", "update-shell")
if (-not (Test-Path $Config)) {
    Invoke-Checked $Easel @("init", "--demo", $Folder)
}
Invoke-Checked $Easel @("doctor", "--config", $Config)
Write-Host "Done. In a new window: easel demo"
